"""Files of every kind that labcut3d reads, spoilt at random: readers may refuse, nothing else.

    python tests/helpers/fuzzing.py [READER ...] [--count N] [--minutes M] [--memory GIB]

runs each reader in a process of its own, with its memory bounded, on up to N spoilt files or for M
minutes, and prints what it did otherwise than return or raise a `Labcut3dError`: another exception,
a hang, or the end of the process. Input number i of a reader is always the same file.
"""

import argparse
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hostile_seeds import SEEDS

from labcut3d.errors import Labcut3dError

__all__ = ["Failure", "fuzz", "spoil", "spoilt_folder"]

LONGEST_S = 20  # s; no reader needs a second for these small files, on however busy a machine
TOKENS = [
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1e-320", b"9" * 400, b"true", b'""', b"''",
    b"[", b"]", b"{", b"}", b"[[", b",", b"\n", b"\r\n", b"\x00", b"\xff\xfe", "\u202e".encode(),
    b"..", b"../../etc/passwd", b"/", b"C:\\x", b"%s", b"!!python/object/apply:os.system ['true']",
    b"&a [*a, *a]", b"2147483648", b"-9223372036854775809", b"#", b"=", b"a.b.c.d = 1", b"\t", b" ",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An input that a reader neither read nor refused."""

    reader: str
    number: int
    error: BaseException


def spoil(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with one to four faults: bytes flipped, cut, copied or put in, lines moved."""
    spoilt = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(0, len(spoilt) + 1))
        length = int(rng.integers(1, 2 + min(64, len(spoilt))))
        match rng.integers(0, 8):
            case 0:
                for at in rng.integers(0, max(len(spoilt), 1), 3):
                    spoilt[at : at + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                del spoilt[place:]
            case 2:
                del spoilt[place : place + length]
            case 3:
                spoilt[place:place] = spoilt[place : place + length]
            case 4 | 5:
                spoilt[place:place] = TOKENS[rng.integers(0, len(TOKENS))]
            case 6:
                _replace_number(spoilt, rng)
            case _:
                lines = spoilt.split(b"\n")
                a, b = rng.integers(0, len(lines), 2)
                lines[a], lines[b] = lines[b], lines[a]
                spoilt = bytearray(b"\n".join(lines))
    return bytes(spoilt)


def _replace_number(content: bytearray, rng: np.random.Generator) -> None:
    """Put a token in the place of a run of digits."""
    digits = [i for i, byte in enumerate(content[:65536]) if 48 <= byte <= 57]
    if digits:
        start = stop = digits[rng.integers(0, len(digits))]
        while stop < len(content) and 48 <= content[stop] <= 57:
            stop += 1
        content[start:stop] = TOKENS[rng.integers(0, len(TOKENS))]


def spoilt_folder(seed: dict[str, bytes], folder: Path, rng: np.random.Generator) -> None:
    """Write the files of a seed to a folder, one of them spoilt, now and then missing."""
    shutil.rmtree(folder, ignore_errors=True)
    names = sorted(seed)
    chosen = names[rng.integers(0, len(names))]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        content = spoil(seed[name], rng) if name == chosen else seed[name]
        if name != chosen or rng.random() > 0.01:
            (folder / name).write_bytes(content)


def fuzz(
    reader: str,
    numbers: range,
    folder: Path,
    until: float = np.inf,
    tell: Callable[[int], None] = lambda number: None,
) -> list[Failure]:
    """Read spoilt files by their `numbers`, until a time; return what was no proper refusal."""
    seed, read = SEEDS[reader].make(), SEEDS[reader].read
    failures: list[Failure] = []
    before = signal.signal(signal.SIGALRM, _hang)
    try:
        for number in numbers:
            if time.monotonic() > until:
                break
            tell(number)
            spoilt_folder(seed, folder, np.random.default_rng([number, len(reader)]))
            signal.alarm(LONGEST_S)
            try:
                read(folder)
            except Labcut3dError as error:
                if not str(error):
                    failures.append(Failure(reader=reader, number=number, error=error))
            except Exception as error:  # noqa: BLE001 - any other is what is looked for
                failures.append(Failure(reader=reader, number=number, error=error))
            finally:
                signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)
    return failures


def _hang(*_: object) -> None:
    """End what has hung."""
    raise TimeoutError(f"not done after {LONGEST_S} s")


def _work(reader: str, numbers: range, seconds: float, gib: float) -> bool:
    """Fuzz one reader in this process, its memory bounded; print what happened."""
    taken = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (taken + int(gib * 2**30),) * 2)
    last = numbers.start
    with tempfile.TemporaryDirectory() as name:

        def tell(number: int) -> None:
            nonlocal last
            last = number
            if number % 1000 == 0:
                print(f"{reader}: input {number}", file=sys.stderr, flush=True)

        failures = fuzz(reader, numbers, Path(name) / "input", time.monotonic() + seconds, tell)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    count = last - numbers.start + 1
    print(f"{reader}: {count} inputs, {len(failures)} failures, peak {peak:.2f} GiB", flush=True)
    kinds: dict[str, list[int]] = {}
    for one in failures:
        kinds.setdefault(f"{type(one.error).__name__}: {one.error}"[:150], []).append(one.number)
    for kind, of_kind in kinds.items():
        print(f"    {kind}  (inputs {', '.join(map(str, of_kind[:5]))})", flush=True)
    return not failures


def main() -> None:
    """Run readers one after another, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", default=sorted(SEEDS), metavar="READER")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--memory", type=float, default=1.0, help="GiB that a reader may add")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        numbers = range(given.first, given.first + given.count)
        sound = _work(given.readers[0], numbers, given.minutes * 60, given.memory)
        sys.exit(not sound)
    options = [
        f"--{name}={getattr(given, name)}" for name in ("count", "first", "minutes", "memory")
    ]
    bad = 0
    for reader in given.readers:
        done = subprocess.run([sys.executable, __file__, reader, *options, "--here"], check=False)
        if done.returncode not in (0, 1):
            print(f"{reader}: the process ended with {done.returncode}")
        bad += done.returncode != 0
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
