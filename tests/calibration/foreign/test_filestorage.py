"""FileStorage from strangers: OpenCV never sees what would crash it."""

import pytest

from calibration.errors import FileFormatError
from calibration.foreign.filestorage import read_storage, write_storage

YAML = "%YAML:1.0\n---\n"
XML = '<?xml version="1.0"?>\n'
MATRIX = "K: !!opencv-matrix\n   rows: {}\n   cols: {}\n   dt: d\n   data: [ {} ]\n"

HOSTILE = {
    "deep brackets": YAML + "a: " + "[" * 200_000,
    "deep braces": YAML + "a: " + "{a:" * 200_000,
    "deep keys": YAML + "a: " * 200_000,
    "deep dashes": YAML + "a:\n   " + "- " * 200_000,
    "deep tags": XML + "<opencv_storage>" + "<a>" * 200_000,
    "deep json": '{"K": ' + "[" * 200_000,
    "entities": XML
    + '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><opencv_storage><a>&c;</a>',
    "a huge matrix": YAML + MATRIX.format(200_000, 200_000, "1., 2."),
    "a matrix of minus one": YAML + MATRIX.format(-1, -2, "1., 2."),
    "a matrix cut short": YAML + MATRIX.format(3, 3, "1., 2."),
    "half a file": YAML + MATRIX.format(1, 2, "1.")[:-5],
    "words for numbers": YAML + MATRIX.format(1, 2, "one, two"),
    "words for rows": YAML + MATRIX.format("one", 2, "1., 2."),
    "base64 that is none": YAML + 'a: !!binary "$base64$AAAA"\nb: "\n',
    "a control character": YAML + "a: \x01",
    "a zero byte": YAML + "a: 1\0",
    "nothing": "",
    "prose": "Dear colleague, here is the calibration.",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused(text, tmp_path):
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(FileFormatError, match=r"a\.yml"):
        read_storage(tmp_path / "a.yml")


def test_tags_are_not_obeyed(tmp_path):
    """A tag of another language's YAML is nothing but a string."""
    (tmp_path / "a.yml").write_text(YAML + "a: !!python/object/apply:os.system ['touch x']\nb: 1\n")
    assert read_storage(tmp_path / "a.yml")["b"] == 1


def test_files_too_large_or_not_text_or_absent(tmp_path):
    (tmp_path / "a.yml").write_text(YAML + "#" * 5_000_000)
    (tmp_path / "b.yml").write_bytes(b"%YAML:1.0\n\xff\xfe")
    for name, reason in (("a", "4 MiB"), ("b", "text file"), ("c", "no such file")):
        with pytest.raises(FileFormatError, match=reason):
            read_storage(tmp_path / f"{name}.yml")


def test_values_of_all_kinds(tmp_path):
    values = {"number": 0.1, "name": 'a "b" c: [d]', "list": ["x", "y"], "whole": 3}
    for ending in ("yml", "xml", "json"):
        write_storage(tmp_path / f"a.{ending}", values)
        assert read_storage(tmp_path / f"a.{ending}") == values


def test_what_no_camera_has_is_left_out(tmp_path):
    many = ", ".join(["1."] * 5000)
    (tmp_path / "a.yml").write_text(
        YAML + MATRIX.format(1, 5000, many) + f"b: [ {many} ]\nc: {{ d: 1 }}\ne: 2\n"
    )
    assert read_storage(tmp_path / "a.yml") == {"e": 2}
