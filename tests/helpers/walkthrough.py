"""A tutorial's page as what it is: commands to run, files to write, and what should be printed.

Of its fenced blocks, `sh` holds commands, `{code-block}` with a `:caption:` a file of that name,
and `text` what the commands before it print, `...` standing for anything. Its front matter names
the data sets that it needs (`data`), and says whether it takes long (`slow`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["Block", "Page", "agrees", "commands_of", "read_page"]

FENCE = re.compile(
    r"^```(?P<kind>\{code-block\} \w+|\w+)\n"
    r"(?::caption: (?P<caption>[^\n]+)\n\n?)?(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FRAMES = str.maketrans(dict.fromkeys("┏┓┗┛┡┩╇━┃│┳┻└┘┴─├┤┼╭╮╰╯", " "))
RELATIVE, ABSOLUTE = 0.1, 0.02  # by how much a number may differ: corners differ with OpenCV


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its kind, the file that it is to become, if any, and what stands in it."""

    kind: str
    caption: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A tutorial: the data sets that it needs, whether it takes long, and its blocks in order."""

    data: tuple[str, ...]
    slow: bool
    blocks: tuple[Block, ...]


def read_page(path: Path) -> Page:
    """Return what a page says is to be done."""
    text = path.read_text(encoding="utf-8")
    matter = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else {}
    blocks = tuple(
        Block(kind=found["kind"], caption=found["caption"], text=found["text"])
        for found in FENCE.finditer(text)
    )
    return Page(
        data=tuple(matter.get("data", ())), slow=bool(matter.get("slow", False)), blocks=blocks
    )


def commands_of(text: str) -> Iterator[str]:
    """Yield the commands of a block, lines that end in a backslash joined, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        command = line.split("  #")[0].strip()
        if command and not command.startswith("#"):
            yield command


def agrees(expected: str, printed: str) -> str | None:
    """Return the first piece of `expected` that was not printed, in order, or None.

    Words must be the same, numbers nearly so; frames of tables and spaces do not count.
    """
    words = printed.translate(FRAMES).split()
    start = 0
    for piece in re.split(r"\.\.\.", expected.translate(FRAMES)):
        wanted = piece.split()
        places = range(start, len(words) - len(wanted) + 1)
        found = next((at for at in places if _alike(wanted, words[at : at + len(wanted)])), None)
        if found is None:
            return " ".join(wanted)
        start = found + len(wanted)
    return None


def _alike(wanted: list[str], words: list[str]) -> bool:
    return all(_same(a, b) for a, b in zip(wanted, words, strict=True))


def _same(wanted: str, word: str) -> bool:
    """Tell whether two words are the same, or two numbers nearly so."""
    if wanted == word:
        return True
    try:
        a, b = (float(text.strip("(),;:%x").replace(",", "")) for text in (wanted, word))
    except ValueError:
        return False
    return abs(a - b) <= max(ABSOLUTE, RELATIVE * abs(a))
