"""What the graph of tasks costs: 1000 chunks of work through it, and in a plain loop.

    python docs/benchmarks/graph_overhead.py [CHUNKS] [MILLISECONDS]

A chunk is so many products of matrices as take 50 ms here, which is what 16 small frames take; it
answers with next to nothing, as chunks of detection do. Both sides run on one worker that Dask has
started, one after the other, three times in turn: the loop as one task, the graph as labcut3d
submits and follows its own. Prints the medians and the ratio.
"""

import sys
from statistics import median
from time import perf_counter

import numpy as np
from common import show
from distributed import Client, as_completed

from labcut3d.cluster import ATTEMPTS, connect
from labcut3d.progress import SILENT

SIZE = 200  # rows and columns
TURNS = 3


def work(products: int) -> float:
    """Multiply matrices so many times."""
    matrix = np.eye(SIZE) * 0.999
    result = matrix
    for _ in range(products):
        result = result @ matrix
    return float(result[0, 0])


def loop(chunks: int, products: int) -> None:
    """Do all chunks, one after the other."""
    for _ in range(chunks):
        work(products)


def products_of(seconds: float) -> int:
    """Return how many products take so many seconds here."""
    start, count = perf_counter(), 200
    work(count)
    return max(round(count * seconds / (perf_counter() - start)), 1)


def through_graph(client: Client, chunks: int, products: int) -> float:
    """Return the seconds of all chunks as tasks of their own."""
    start = perf_counter()
    futures = [
        client.submit(work, products, priority=-1, retries=ATTEMPTS, pure=False)
        for _ in range(chunks)
    ]
    for future in as_completed(futures):
        assert future.status == "finished"
    return perf_counter() - start


def in_loop(client: Client, chunks: int, products: int) -> float:
    """Return the seconds of all chunks as one task."""
    start = perf_counter()
    client.submit(loop, chunks, products, pure=False).result()
    return perf_counter() - start


def main() -> None:
    """Print the table."""
    chunks = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    milliseconds = float(sys.argv[2]) if len(sys.argv) > 2 else 50.0
    with connect(1, None, SILENT) as client:
        products = client.submit(products_of, milliseconds / 1e3).result()
        through_graph(client, 20, products)
        times = [
            (in_loop(client, chunks, products), through_graph(client, chunks, products))
            for _ in range(TURNS)
        ]
    plain, graph = (median(side) for side in zip(*times, strict=True))
    rows = [(f"{plain:.2f}", f"{graph:.2f}", f"{graph / plain:.3f}")]
    show(f"{chunks} chunks", ("plain loop, s", "graph, s", "ratio"), rows)


if __name__ == "__main__":
    main()
