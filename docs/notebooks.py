"""The examples as notebooks: `python docs/notebooks.py OUT` writes all; more arguments run one.

    python docs/notebooks.py notebooks
    python docs/notebooks.py notebooks 03_stereo_pair.py DATA OUT

The second line runs the example as a notebook, with its own arguments, and keeps what it shows.
"""

import ast
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
TIMEOUT = 3600  # s, for one cell


def to_notebook(path: Path, arguments: list[str]) -> nbformat.NotebookNode:
    """Return an example as a notebook: its docstring as text, and a cell for each paragraph."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.splitlines()
    new = nbformat.v4
    cells = [new.new_markdown_cell(f"# {path.stem}\n\n{ast.get_docstring(tree)}")]
    cells.append(new.new_code_cell(f"import sys\n\nsys.argv = {[path.name, *arguments]!r}"))
    for first, last in _paragraphs(tree, lines):
        cells.append(new.new_code_cell("\n".join(lines[first:last]).strip()))
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"  # the same example gives the same file
    return new.new_notebook(cells=cells, metadata={"kernelspec": _kernel()})


def _paragraphs(tree: ast.Module, lines: list[str]) -> list[tuple[int, int]]:
    """Return the lines, from and to, of statements that no blank line separates."""
    statements, spans = tree.body[1:], []
    for statement in statements:
        start = statement.lineno - 1
        while start and lines[start - 1].startswith("#"):
            start -= 1
        if spans and not any(not line.strip() for line in lines[spans[-1][1] : start]):
            spans[-1] = (spans[-1][0], statement.end_lineno)
        else:
            spans.append((start, statement.end_lineno))
    return spans


def _kernel() -> dict[str, str]:
    """Return the kernel that Jupyter runs the notebook with."""
    return {"name": "python3", "display_name": "Python 3", "language": "python"}


def main() -> None:
    """Write all examples as notebooks, or run one of them."""
    folder, chosen = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    paths = [EXAMPLES / chosen[0]] if chosen else sorted(EXAMPLES.glob("*.py"))
    for path in paths:
        notebook = to_notebook(path, chosen[1:])
        if chosen:
            client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3")
            client.execute()
        nbformat.validate(notebook)
        nbformat.write(notebook, folder / f"{path.stem}.ipynb")


if __name__ == "__main__":
    main()
