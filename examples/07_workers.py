"""Many recordings at once: `python examples/07_workers.py PROJECT WORKERS`.

PROJECT has its cameras calibrated and its detector trained. With an address of a Dask scheduler in
place of a number, such as tcp://10.0.0.5:8786, its workers do the work; the files are the same.
"""

import sys

from labcut3d import load_project, pipeline

if __name__ == "__main__":  # each worker reads this file too, and must not start over
    project, workers = load_project(sys.argv[1]), sys.argv[2]
    if workers.isdigit():
        pipeline.reconstruct(project, workers=int(workers))
    else:
        pipeline.reconstruct(project, scheduler=workers)
    for recording in project.recordings():
        files = sorted(path.name for path in project.results(recording).iterdir())
        print(f"{recording}: {', '.join(name for name in files if not name.startswith('.'))}")
