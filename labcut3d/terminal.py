"""What the command line shows: progress bars with a rate and the time left, tables, messages."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column, Table
from rich.text import Text

from labcut3d.progress import Progress

if TYPE_CHECKING:  # brings numpy along
    from calibration.checks.findings import Finding

__all__ = ["Terminal", "make_findings_table", "make_table"]

COLORS = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red"}


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of a task, or nothing while it is unknown."""
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.0f}/s" if speed >= 10 else f"{speed:.1f}/s")


class Terminal:
    """A reporter that draws on a rich console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars: Bars | None = None

    @contextmanager
    def task(self, title: str) -> Iterator[Progress]:
        """Show a progress bar while the block runs; it stays, full, when the block succeeds.

        Of several at once only the last one stays.
        """
        bars = self._bars = self._bars or _new_bars(self.console)
        bar = bars.add_task(escape(title), total=None, note="")

        def advance(done: int, total: int, note: str = "") -> None:
            """Move the bar."""
            bars.update(bar, completed=done, total=total, note=escape(note))

        try:
            bars.start()
            yield advance
        finally:
            if len(bars.tasks) > 1:
                bars.remove_task(bar)
            else:
                bars.stop()
                self._bars = None

    def note(self, message: str) -> None:
        """Print a message above the bars."""
        self.console.print(escape(message), highlight=False)

    def findings(self, title: str, findings: "Iterable[Finding]") -> None:
        """Print a table of what was judged."""
        self.console.print(make_findings_table(title, findings))


def _new_bars(console: Console) -> Bars:
    """Return progress bars with rate, time left and a note."""
    return Bars(
        TextColumn("{task.description}", table_column=Column(width=31, no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(min_width=10, ratio=1)),
        MofNCompleteColumn(table_column=Column(min_width=9, no_wrap=True)),
        _Rate(table_column=Column(min_width=6, justify="right", no_wrap=True)),
        TimeRemainingColumn(
            elapsed_when_finished=True, table_column=Column(min_width=7, no_wrap=True)
        ),
        TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
    )


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a rich table; the first column is on the left, figures on the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        first = index == 0  # what the row is called: to be typed, so never cut short
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def make_findings_table(title: str, findings: "Iterable[Finding]") -> Table:
    """Return what a check found as a rich table: level, reason, next step."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", show_lines=False)
    table.add_column("")
    table.add_column("what was found", ratio=5, overflow="fold")
    table.add_column("next step", ratio=4, overflow="fold")
    for finding in findings:
        level = f"[{COLORS[finding.level]}]{finding.level}[/]"
        table.add_row(level, escape(finding.reason), escape(finding.remedy))
    return table
