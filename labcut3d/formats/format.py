"""A format: its name, what of it labcut3d reads and writes, and how it is told from others."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from labcut3d.errors import FileFormatError

__all__ = ["Content", "Format"]

Content = Literal["2-D", "3-D", "2-D or 3-D", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of files.

    `name` is what `--to` takes, `title` what people call it; the first of `endings` is given to
    new files. `reads` and `writes` say what of it goes in and out, "" nothing; `reader` and
    `writer` are "module:function" within labcut3d.formats, loaded when they are needed. A writer
    with `one_file_a` "view" or "individual" gets one of them at a time. `extra` are the
    optional dependencies that it needs; `keeps` and `loses` say what survives writing.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    reads: Content = ""
    reader: str = ""
    writes: Content = ""
    writer: str = ""
    one_file_a: Literal["view", "individual", ""] = ""
    extra: str = ""
    keeps: str = ""
    loses: str = ""

    def load(self, what: Literal["reader", "writer"]) -> Callable[..., Any]:
        """Return the reader or writer; raises `FileFormatError` where there is none."""
        home = self.reader if what == "reader" else self.writer
        if not home:
            done = "read" if what == "reader" else "written"
            raise FileFormatError(f"{self.title} cannot be {done} by labcut3d")
        module, function = home.split(":")
        return getattr(import_module(f"labcut3d.formats.{module}"), function)

    def takes(self, is_3d: bool) -> bool:
        """Tell whether trajectories, or else detections, can be written."""
        return ("3-D" if is_3d else "2-D") in self.writes
