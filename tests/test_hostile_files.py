"""Every reader refuses spoilt files in words; `python tests/helpers/fuzzing.py` tries many more."""

import pytest
from fuzzing import fuzz
from hostile_seeds import SEEDS

COUNT = 60


@pytest.mark.parametrize("reader", sorted(SEEDS))
def test_what_is_valid_is_read(reader, tmp_path):
    for name, content in SEEDS[reader].make().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    SEEDS[reader].read(tmp_path)


@pytest.mark.parametrize("reader", sorted(SEEDS))
@pytest.mark.filterwarnings("ignore")  # of the libraries that parse the files
def test_spoilt_files_are_refused_in_words(reader, tmp_path):
    failures = fuzz(reader, range(COUNT), tmp_path / "input")
    assert not failures, failures[0]


@pytest.mark.parametrize(
    ("reader", "number"),
    [
        ("rig of jarvis", 3712),
        ("format csv", 1570),
        ("images", 367),
        ("images", 3381),
        ("events", 727),
        ("format eks", 14829),
        ("format lightning-pose", 43568),
        ("events", 3358),
        ("format sleap", 923),
        ("format sleap", 3901),
    ],
)
def test_what_once_broke_a_reader_is_refused_in_words(reader, number, tmp_path):
    """A list for a unit, numbers beyond all floats, images larger than any, types of no kind."""
    assert not fuzz(reader, range(number, number + 1), tmp_path / "input")
