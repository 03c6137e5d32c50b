"""How the nouns show themselves in a notebook: a small table of text, drawn by the notebook."""

import html
from collections.abc import Sequence

__all__ = ["html_table", "table_markup"]


def html_table(
    heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> str:
    """Return a heading, a table and a note as HTML; all that is passed in is taken for text."""
    below = f"<p>{html.escape(note)}</p>" if note else ""
    table = table_markup(columns, rows)
    return f"<div><b>{html.escape(heading)}</b><table>{table}</table>{below}</div>"


def table_markup(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the head and the body of a table as HTML; all that is passed in is taken for text."""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
