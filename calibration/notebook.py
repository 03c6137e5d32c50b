"""How the nouns show themselves in a notebook: a small table of text, drawn by the notebook."""

import html
from collections.abc import Sequence

__all__ = ["html_table"]


def html_table(
    heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = ""
) -> str:
    """Return a heading, a table and a note as HTML; all that is passed in is taken for text."""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    below = f"<p>{html.escape(note)}</p>" if note else ""
    return (
        f"<div><b>{html.escape(heading)}</b><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{below}</div>"
    )
