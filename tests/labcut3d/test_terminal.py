"""Bars of several tasks at once, which end in any order, and bars after them."""

from contextlib import ExitStack
from io import StringIO

from rich.console import Console

from labcut3d.terminal import Terminal


def test_tasks_may_overlap_and_end_in_any_order():
    shown = StringIO()
    terminal = Terminal(Console(file=shown, width=120))
    first, second = ExitStack(), ExitStack()
    one = first.enter_context(terminal.task("Detecting in one"))
    two = second.enter_context(terminal.task("Detecting in two"))
    one(1, 2)
    two(1, 3)
    first.close()
    terminal.note("one is done")
    two(3, 3)
    second.close()
    with terminal.task("Summing up") as progress:
        progress(5, 5)
    text = shown.getvalue()
    for part in ("one is done", "Detecting in two", "3/3", "Summing up", "5/5"):
        assert part in text
    assert "Detecting in one" not in text.split("one is done")[1]
