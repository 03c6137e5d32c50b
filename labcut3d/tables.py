"""A TOML table as a dataclass, with errors that name the place, the key and the nearest known."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import pydantic

from calibration.files import reject_unknown_keys, suggest
from labcut3d.errors import FileFormatError, Labcut3dError

__all__ = ["parse_table"]

Parsed = TypeVar("Parsed")


def parse_table(kind: type[Parsed], table: Mapping[str, Any], where: str) -> Parsed:
    """Return a table as the dataclass `kind`; raise `FileFormatError` for the first wrong key.

    `where` names the file and the table.
    """
    fields = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    reject_unknown_keys(table, fields, where)
    try:
        return pydantic.TypeAdapter(kind).validate_python(dict(table))
    except Labcut3dError as error:
        raise FileFormatError(f"{where}: {error}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key, given = ".".join(str(part) for part in first["loc"]), first["input"]
        told = "" if first["type"] == "missing" else f" (given: {given!r})"
        if first["type"] == "literal_error" and isinstance(given, str):
            told += f"; {suggest(given, _choices(get_type_hints(kind)[key]))}"
        raise FileFormatError(f"{where}: '{key}': {first['msg']}{told}") from error


def _choices(hint: Any) -> tuple[str, ...]:
    """Return the words that a type allows: those of its Literal, which may be one of a union."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(word for part in get_args(hint) for word in _choices(part))
