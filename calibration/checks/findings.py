"""What a check found: a level, the reason in words, and what to do next."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level", "worst_first", "worst_level"]

Level = Literal["PASS", "WARN", "FAIL"]

ORDER: tuple[Level, ...] = ("FAIL", "WARN", "PASS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: its level, what was found, and what mends it."""

    level: Level
    reason: str
    remedy: str = ""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings sorted by level, the worst first, otherwise in their order."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.level)))


def worst_level(findings: Iterable[Finding]) -> Level:
    """Return the worst level of findings; PASS where there are none."""
    found = worst_first(findings)
    return found[0].level if found else "PASS"
