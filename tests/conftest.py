"""Fixtures shared by all tests: where the data sets lie, and a skip with a reason where not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# As the command line does: OpenMP threads must not spin while others work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

DEFAULT_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the data sets (environment variable LABCUT3D_DATA)."""
    return Path(os.environ.get("LABCUT3D_DATA", DEFAULT_DATA))


@pytest.fixture(scope="session")
def dataset(data_dir: Path) -> Callable[[str], Path]:
    """A function from the name of a data set to its folder; skips the test where it is absent."""

    def find(name: str) -> Path:
        folder = data_dir / name
        if not folder.is_dir():
            pytest.skip(f"data set '{name}' not found in {data_dir}; set LABCUT3D_DATA")
        return folder

    return find
