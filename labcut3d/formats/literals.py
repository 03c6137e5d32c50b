"""The names in a pandas HDF5 file, which PyTables stores as pickles, without unpickling.

Unpickling runs whatever code a file asks for. A list of names needs none: the stream is taken
apart into its opcodes, of which only those that build strings, numbers, lists and tuples are
followed. Any other opcode is refused.
"""

import pickletools
from typing import Any

__all__ = ["Refused", "parse_literal"]

CONSTANTS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
)
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = frozenset({"PROTO", "FRAME"})
LARGEST = 2**24  # bytes
MARK = object()


class Refused(ValueError):
    """The stream builds something other than plain names and numbers, or is broken."""


def parse_literal(stream: bytes) -> Any:
    """Return the strings, numbers, lists and tuples that a pickle stream describes.

    Nothing is imported or called. Raises `Refused`.
    """
    if len(stream) > LARGEST:
        raise Refused("stream of names is too long")
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name == "STOP":
                return _pop(stack)
            _follow(opcode.name, argument, stack, memo)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"not a list of names: {error}") from error
    raise Refused("not a list of names: it ends early")


def _follow(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    """Do what one opcode says to the stack."""
    if name in IGNORED:
        return
    if name in CONSTANTS:
        stack.append(argument)
    elif name == "NONE":
        stack.append(None)
    elif name == "MARK":
        stack.append(MARK)
    elif name in TUPLES:
        count = TUPLES[name]
        items = [_pop(stack) for _ in range(count)]
        stack.append(tuple(reversed(items)))
    elif name == "EMPTY_LIST":
        stack.append([])
    elif name == "APPEND":
        item = _pop(stack)
        stack[-1].append(item)
    elif name in ("LIST", "TUPLE", "APPENDS"):
        items = _pop_to_mark(stack)
        if name == "APPENDS":
            stack[-1].extend(items)
        else:
            stack.append(items if name == "LIST" else tuple(items))
    elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
        memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    else:
        raise Refused(f"asks for {name}, which a list of names does not need")


def _pop(stack: list[Any]) -> Any:
    """Take the topmost value from the stack."""
    if stack[-1] is MARK:
        raise Refused("not a list of names: a mark where a value should be")
    return stack.pop()


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    """Take what lies above the last mark from the stack, and the mark."""
    place = max(index for index, item in enumerate(stack) if item is MARK)
    items = stack[place + 1 :]
    del stack[place:]
    return items
