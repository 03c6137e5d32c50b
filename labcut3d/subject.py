"""Who was filmed and when, as project.toml tells it: the tables [subject] and [started]."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from labcut3d.errors import FileFormatError, ProjectError

__all__ = ["SubjectSettings", "parse_started"]

# NWB's two ways of telling an age: of ISO 8601, "P5D", and a range of these, "P4D/P6D" or "P4D/".
DURATION = r"P(?!$|/)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?"
AGE = re.compile(rf"{DURATION}(/({DURATION})?)?")
SPECIES = re.compile(r"[A-Z][a-z]+ [a-z][a-z-]+.*|https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectSettings:
    """What is known of the animal, in NWB's words; what is left out is not known.

    `species` is its Latin name, `age` a duration such as "P5D" (five days) or "P3W", or a range
    "P4D/P6D".
    """

    id: str | None = None
    species: str | None = None
    sex: Literal["F", "M", "U", "O"] | None = None
    age: str | None = None
    strain: str | None = None
    genotype: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        """Refuse what other programs would not take for a species or an age."""
        if self.species is not None and not SPECIES.fullmatch(self.species):
            raise ProjectError(
                f"species is '{self.species}'; give the Latin name, such as "
                "'Drosophila melanogaster'"
            )
        if self.age is not None and not AGE.fullmatch(self.age):
            raise ProjectError(
                f"age is '{self.age}'; give a duration such as 'P5D' (five days), 'P3W', 'P2M', or "
                "a range such as 'P4D/P6D'"
            )

    def told(self) -> dict[str, str]:
        """Return what is known by NWB's keys."""
        known = {key: value for key, value in asdict(self).items() if value is not None}
        return {"subject_id" if key == "id" else key: value for key, value in known.items()}


def parse_started(table: Mapping[str, Any], where: str) -> dict[str, datetime]:
    """Return when the first frame of each recording was filmed, by its name.

    Raises `FileFormatError` naming the place and the value where that is no moment.
    """
    moments = {}
    for name, value in table.items():
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"{where}: {name} = {value!r}; give date and time of the recording's first frame, "
                "as 2026-05-31T14:03:00+02:00"
            ) from error
        moments[name] = moment if moment.tzinfo else moment.astimezone()
    return moments
