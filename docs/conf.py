"""How Sphinx builds the pages: `python -m sphinx -W docs site`. Needs no network."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from labcut3d.version import __version__  # noqa: E402

project = "labcut3d"
author = "The labcut3d authors"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["images"]
html_theme = "furo"
html_title = f"labcut3d {release}"
html_static_path = ["style"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 4
suppress_warnings = ["myst.header"]

default_role = "code"  # docstrings put names between single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autoclass_content = "class"


def plain_docstrings(app, what, name, obj, options, lines) -> None:
    """Show what a docstring sets in as code, and names that end in _ as they are.

    reStructuredText would take the one for a quotation, and the others for links.
    """
    shown, before = [], ""
    for line in lines:
        code = line.startswith("    ")
        if code and not shown[-1:][0] and not before.startswith("    "):
            shown += ["::", ""]
        shown.append(line if code else re.sub(r"(\w)_(?![\w`])", r"\1\\_", line))
        before = line or before
    lines[:] = shown


def setup(app) -> None:
    """Let Sphinx show docstrings so."""
    app.connect("autodoc-process-docstring", plain_docstrings)
