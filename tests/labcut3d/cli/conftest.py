"""The command line as a shell would call it."""

import sys
from collections.abc import Callable

import pytest

from labcut3d.cli import main


@pytest.fixture
def labcut3d(monkeypatch, capfd) -> Callable[..., tuple[int, str]]:
    """Call the command line; returns (exit status, what was printed, in one line)."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments, cwd=None):
        if cwd is not None:
            monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["labcut3d", *map(str, arguments)])
        capfd.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code or 0
        printed = capfd.readouterr()
        return status, " ".join((printed.out + printed.err).split())

    return call
