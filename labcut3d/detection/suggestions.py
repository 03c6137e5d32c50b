"""Which moments to ask a person about: the doubts of all kinds weighed, spread over time and kinds.

Doubts of different kinds have no common unit, so their ranks are added: reciprocal rank fusion
(Cormack, Clarke and Buettcher, SIGIR 2009). A moment has one reason, its worst doubt; once it is
suggested, doubts of the same kind about the same keypoint count half as much.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labcut3d.detection.doubts import Doubt

__all__ = ["COLUMNS", "Suggestion", "choose_doubts", "suggestions_csv"]

COLUMNS = ("recording", "frame", "reason", "score")
RANKS = 10  # the doubt of this rank counts half as much as the first
REPEATED = 0.5  # what a doubt counts once its kind and keypoint have been suggested


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A moment to label, the `moment`-th of a recording, with its frame number and the reason.

    `score` is 1 for the most urgent of its kind of choice, by appearance or by geometry.
    """

    recording: str
    moment: int
    frame: int
    reason: str
    score: float


def choose_doubts(
    doubts: Iterable[Doubt],
    count: int,
    *,
    gaps: Mapping[str, int],
    taken: Mapping[str, Sequence[int]],
) -> list[tuple[Doubt, float]]:
    """Choose up to `count` moments, each with its main doubt and its score, the most urgent first.

    No two of a recording are within `gaps[recording]` frames of each other, or of a moment in
    `taken[recording]`.
    """
    credits = _credits(doubts)
    weight: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    open_moments = {
        place: entries
        for place, entries in credits.items()
        if _is_far(place, taken.get(place[0], ()), gaps)
    }
    chosen: list[tuple[Doubt, float]] = []
    while open_moments and len(chosen) < count:
        totals = {place: _total(entries, weight) for place, entries in open_moments.items()}
        best = max(totals, key=lambda place: totals[place])  # of equals the first, so never chance
        main = max(open_moments[best], key=lambda entry: entry[1] * weight[_what(entry[0])])[0]
        chosen.append((main, totals[best]))
        weight[_what(main)] *= REPEATED
        open_moments = {
            place: entries
            for place, entries in open_moments.items()
            if place[0] != best[0] or _is_far(place, (best[1],), gaps)
        }
    first = chosen[0][1] if chosen else 1.0
    return [(doubt, score / first) for doubt, score in chosen]


def suggestions_csv(suggestions: Sequence[Suggestion]) -> str:
    """Return suggestions as the text of a CSV file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in suggestions:
        writer.writerow((one.recording, one.frame, one.reason, f"{one.score:.3f}"))
    return stream.getvalue()


Place = tuple[str, int]  # recording and moment
Entry = tuple[Doubt, float]  # a doubt, and what its rank earns it


def _credits(doubts: Iterable[Doubt]) -> dict[Place, list[Entry]]:
    """Return the doubts of each moment with what their rank within their kind earns them."""
    kinds: dict[str, list[Doubt]] = defaultdict(list)
    for doubt in doubts:
        kinds[doubt.kind].append(doubt)
    credits: dict[Place, list[Entry]] = defaultdict(list)
    for alike in kinds.values():
        alike.sort(key=lambda doubt: (-doubt.value, doubt.recording, doubt.moment, doubt.keypoint))
        for rank, doubt in enumerate(alike):
            credits[doubt.recording, doubt.moment].append((doubt, RANKS / (RANKS + rank)))
    return dict(sorted(credits.items()))


def _total(entries: Sequence[Entry], weight: Mapping[tuple[str, str], float]) -> float:
    """Return what a moment's doubts add up to, the worst of each kind."""
    best: dict[str, float] = defaultdict(float)
    for doubt, credit in entries:
        best[doubt.kind] = max(best[doubt.kind], credit * weight[_what(doubt)])
    return sum(best.values())


def _what(doubt: Doubt) -> tuple[str, str]:
    """Return what a doubt is about."""
    return doubt.kind, doubt.keypoint


def _is_far(place: Place, moments: Sequence[int], gaps: Mapping[str, int]) -> bool:
    """Tell whether a moment is more than the gap away from all `moments` of its recording."""
    recording, moment = place
    return all(abs(moment - other) > gaps[recording] for other in moments)
