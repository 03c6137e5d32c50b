"""The page on formats says what the table of formats says."""

from pathlib import Path

from labcut3d.formats import FORMATS
from labcut3d.formats.format import Format

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"


def row(one: Format) -> str:
    files = f" (a file each {one.one_file_a})" if one.one_file_a and one.writes else ""
    cells = (
        f"`{one.name}`",
        one.title,
        f"`{one.endings[0]}`",
        one.reads or "-",
        (one.writes or "-") + files,
        f"`labcut3d[{one.extra}]`" if one.extra else "",
        one.keeps,
        one.loses,
    )
    return "| " + " | ".join(cells) + " |"


def test_the_page_has_the_table() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| `netcdf`"))
    assert lines[start : start + len(FORMATS)] == [row(one) for one in FORMATS.values()]
    assert not lines[start + len(FORMATS)].startswith("|")
