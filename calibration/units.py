"""Units of length: one short list, so that a file never says millimetres and means squares."""

from calibration.errors import Labcut3dError

__all__ = ["METRES", "check_unit"]

METRES = {"um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254}
"""The length of each unit that labcut3d knows, in metres."""


def check_unit(unit: object, where: str, error: type[Labcut3dError]) -> str:
    """Return `unit` if it is one that labcut3d knows, else raise `error` naming `where`."""
    if isinstance(unit, str) and unit in METRES:
        return unit
    raise error(f"{where}: unit = {unit!r} is not a unit of length; use one of {', '.join(METRES)}")
