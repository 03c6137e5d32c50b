"""MATLAB's .mat files of version 5 to 7, read without trust.

A file is a row of elements, each a tag (type, size) and that many bytes; a variable is an element
that holds elements. scipy's reader crashes the interpreter on damaged files (one changed byte in
sixty did), which no `except` can catch, and unpacks whatever it meets. This one checks every size,
looks only at the variables asked for, and knows matrices, strings, cells and structs; objects and
functions of MATLAB are left out.

Source: MathWorks, "MAT-File Format", 2024.
"""

import math
import struct
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

__all__ = ["DEEPEST", "LONGEST", "read_mat5"]

HEADER = 128  # bytes before the first element
LONGEST = 4096  # numbers of one array, or items of one cell; longer ones are no camera's
DEEPEST = 8  # a struct in a cell in a struct, and some more
LARGEST = 16 * 2**20  # bytes of one variable, unpacked
PEEK = 512  # bytes that hold a variable's name

MATRIX, COMPRESSED = 14, 15  # types of elements
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8"}
NUMBERS |= {13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 16: "utf-8"}
WIDE_TEXTS = {4: "utf-16", 17: "utf-16", 18: "utf-32"}
CELL, STRUCT, CHARACTERS, NUMERIC = 1, 2, 4, range(6, 16)  # classes of matrices
COMPLEX = 0x0800


def read_mat5(path: Path, names: Collection[str]) -> dict[str, Any]:
    """Return the variables called `names`; raises `ValueError` or `zlib.error` where damaged."""
    values: dict[str, Any] = {}
    with path.open("rb") as stream:
        header = stream.read(HEADER)
        if len(header) < HEADER or header[126:] not in (b"IM", b"MI"):
            raise ValueError("its header is not that of a .mat file")
        order = "<" if header[126:] == b"IM" else ">"
        while tag := stream.read(8):
            if len(tag) < 8:
                raise ValueError("it ends in the middle of a variable")
            kind, size = struct.unpack(order + "II", tag)
            start = stream.tell()
            variable = _variable(stream, kind, size, order, names)
            if variable is not None:
                values[variable[0]] = variable[1]
            stream.seek(start + size)
    return values


def _variable(
    stream: BinaryIO, kind: int, size: int, order: str, names: Collection[str]
) -> tuple[str, Any] | None:
    """Return name and value of a variable that is asked for, else None."""
    if kind == COMPRESSED:
        start = stream.tell()
        peek = zlib.decompressobj().decompress(stream.read(min(size, PEEK)), PEEK)
        if len(peek) < 8 or _name(peek[8:], order) not in names:
            return None
        stream.seek(start)
        data = zlib.decompressobj().decompress(stream.read(min(size, LARGEST)), LARGEST)
        kind, contents, _ = _element(data, 0, order)
    else:
        contents = stream.read(min(size, LARGEST))
        if len(contents) < size:
            raise ValueError("it ends in the middle of a variable, or the variable is too large")
    if kind != MATRIX or not contents or _name(contents, order) not in names:
        return None
    return _name(contents, order), _matrix(contents, order, 0)


def _element(data: bytes, at: int, order: str) -> tuple[int, bytes, int]:
    """Return type and contents of the element at a place, and the place of the next one."""
    if at + 8 > len(data):
        raise ValueError("it ends in the middle of a variable")
    kind, size = struct.unpack_from(order + "II", data, at)
    start, after = at + 8, at + 8 + size + (-size % 8)
    if kind >> 16:  # a small element: size, type and up to four bytes in one tag
        kind, size, start, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
    if start + size > len(data):
        raise ValueError("it ends in the middle of a variable")
    return kind, data[start : start + size], after


def _name(contents: bytes, order: str) -> str:
    """Return the name of a variable, from the beginning of its contents."""
    _, _, at = _element(contents, 0, order)
    _, _, at = _element(contents, at, order)
    return _element(contents, at, order)[1].decode("latin-1")


def _matrix(contents: bytes, order: str, depth: int) -> Any:
    """Return a variable as an array, a string, a list or a dictionary; None for anything else."""
    if not contents:
        return np.zeros((0, 0))
    _, flags, at = _element(contents, 0, order)
    _, shape, at = _element(contents, at, order)
    _, _, at = _element(contents, at, order)  # the name
    (flag,) = struct.unpack_from(order + "I", flags)
    dims = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    count = math.prod(dims)
    if flag & COMPLEX or depth > DEEPEST or min(dims, default=-1) < 0 or count > LONGEST:
        return None
    if flag & 0xFF == CELL:
        return _items(contents, at, count, order, depth)
    if flag & 0xFF == STRUCT:
        return _structs(contents, at, count, order, depth)
    kind, data, _ = _element(contents, at, order)
    if flag & 0xFF == CHARACTERS:
        return _text(kind, data, order)
    if flag & 0xFF not in NUMERIC:
        return None
    array = np.frombuffer(data, dtype=order + _known(NUMBERS, kind))
    return array.reshape(dims, order="F")  # ValueError where the numbers are not as many


def _items(contents: bytes, at: int, count: int, order: str, depth: int) -> list[Any]:
    """Return `count` variables that follow each other."""
    items = []
    for _ in range(count):
        kind, item, at = _element(contents, at, order)
        items.append(_matrix(item, order, depth + 1) if kind == MATRIX else None)
    return items


def _structs(contents: bytes, at: int, count: int, order: str, depth: int) -> Any:
    """Return a struct as a dictionary, and an array of structs as a list of these."""
    _, length, at = _element(contents, at, order)
    _, fields, at = _element(contents, at, order)
    (width,) = struct.unpack(order + "i", length)
    if not 0 < width <= LONGEST or len(fields) // width * count > LONGEST:
        return None
    starts = range(0, len(fields), width)
    names = [fields[i : i + width].split(b"\0")[0].decode("latin-1") for i in starts]
    values = _items(contents, at, count * len(names), order, depth)
    records = [dict(zip(names, values[i * len(names) :], strict=False)) for i in range(count)]
    return records[0] if count == 1 else records


def _text(kind: int, data: bytes, order: str) -> str:
    """Return the string of a row of characters."""
    if kind in WIDE_TEXTS:
        return data.decode(WIDE_TEXTS[kind] + ("-le" if order == "<" else "-be"))
    return data.decode(_known(TEXTS, kind))


def _known(types: dict[int, str], kind: int) -> str:
    """Return what a type of elements stands for."""
    if kind not in types:
        raise ValueError(f"it has elements of type {kind}, which do not belong there")
    return types[kind]
