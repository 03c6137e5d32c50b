"""Events of fly_chamber against their truth: bouts, eggs, extensions of the proboscis.

    python docs/benchmarks/fly_events.py PROJECT

PROJECT is what `python examples/02_fly_chamber.py DATA PROJECT` leaves: detectors trained on the
labels of recording0, and the trajectories of all three recordings. Events are found anew; nothing
else is changed. Rules were set on recording0 alone. The last two tables tell how far the proboscis'
signal stands out, and how much its one tuned number matters.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from common import data_dir, show

from calibration.alignment import rigid_alignment
from labcut3d import pipeline
from labcut3d.kinematics.bouts import bridge_gaps, smooth_signal
from labcut3d.kinematics.ethogram import compute_proboscis_extension
from labcut3d.kinematics.event_tables import read_events
from labcut3d.kinematics.events import find_events
from labcut3d.kinematics.fly_events import FLY_EVENTS
from labcut3d.kinematics.settings import EventSettings
from labcut3d.project import Project, load_project
from labcut3d.schema import open_dataset

SLACK = 10  # frames an egg may be found before or after it was laid
STEPS = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0)
BESIDE = 6  # frames about an extension that count as neither


def of(table: pd.DataFrame, event: str) -> pd.DataFrame:
    """Return the rows of one event, by start."""
    return table[table["event"] == event].sort_values("start_frame", ignore_index=True)


def matched(found: pd.DataFrame, true: pd.DataFrame, slack: int = 0) -> list[tuple[int, int]]:
    """Return pairs (found, true) of events that overlap, each in one pair at most."""
    pairs: list[tuple[int, int]] = []
    for i, ours in found.iterrows():
        for j, theirs in true.iterrows():
            apart = ours.start_frame > theirs.stop_frame + slack
            apart |= ours.stop_frame < theirs.start_frame - slack
            if not apart and j not in {b for _, b in pairs}:
                pairs.append((i, j))
                break
    return pairs


def aligned_places(project: Project, recording: str, places: np.ndarray) -> np.ndarray:
    """Return places (n, 3) of the rig's world in the truth's, laid on by all keypoints, rigidly."""
    path = data_dir("fly_chamber") / "truth" / f"{recording}.npz"
    trajectories = open_dataset(project.results(recording) / "trajectories.nc")
    found = trajectories["position"].isel(individual=0).transpose("time", "keypoint", "space")
    with np.load(path, allow_pickle=False) as truth:
        seen = truth["visible"].sum(axis=0) >= 2
        true = truth["position_mm"].astype(float)
    both = seen & np.isfinite(found.values).all(axis=-1)
    rotation, shift = rigid_alignment(found.values[both].astype(float), true[both])
    return places @ rotation.T + shift


def judge(project: Project, recording: str) -> tuple[list[object], ...]:
    """Return a row of figures for bouts, for eggs and for extensions of one recording."""
    found = read_events(pipeline.events(project, recording))
    true = pd.read_csv(data_dir("fly_chamber") / "truth" / f"{recording}_events.csv")
    rows: list[list[object]] = []
    for event in ("egg_laying", "egg_deposited", "proboscis_extension"):
        ours, theirs = of(found, event), of(true, event)
        pairs = matched(ours, theirs, SLACK if event == "egg_deposited" else 0)
        i, j = ([pair[side] for pair in pairs] for side in (0, 1))
        edges = ["start_frame", "stop_frame"]
        late = ours.loc[i, edges].to_numpy() - theirs.loc[j, edges].to_numpy()
        worst = np.abs(late).max(axis=0) if len(late) else np.full(2, np.nan)
        row = [recording, event, len(pairs), len(theirs), len(ours) - len(pairs), *worst.tolist()]
        place: object = ""
        if event == "egg_deposited" and pairs:
            places = aligned_places(project, recording, ours.loc[i, ["x", "y", "z"]].to_numpy())
            true_places = theirs.loc[j, ["x_mm", "y_mm", "z_mm"]].to_numpy()
            place = float(np.linalg.norm(places - true_places, axis=1).max())
        rows.append([*row, place])
    return tuple(rows)


def extension_row(trajectories: xr.Dataset, recording: str, name: str) -> list[object]:
    """Return how far extensions stand out of rest, by the positions called `name`."""
    true = pd.read_csv(data_dir("fly_chamber") / "truth" / f"{recording}_events.csv")
    rule = FLY_EVENTS["proboscis_extension"]
    limits = rule.settings(float(trajectories.attrs["fps"]))
    signal = compute_proboscis_extension(trajectories[name]).values[:, 0]
    smooth = smooth_signal(bridge_gaps(signal, limits.max_gap), limits.smooth)
    outside = np.ones(len(smooth), dtype=bool)
    peaks = []
    for one in of(true, "proboscis_extension").itertuples():
        outside[max(0, one.start_frame - BESIDE) : one.stop_frame + BESIDE + 1] = False
        peaks.append(np.nanmax(smooth[one.start_frame : one.stop_frame + 1]))
    rest, deviation = np.nanmedian(smooth[outside]), np.nanstd(smooth[outside])
    highest = np.nanmax(smooth[outside]) - rest
    return [recording, name, deviation, highest, min(peaks) - rest, max(peaks) - rest]


def score(project: Project, enter_sd: float) -> list[object]:
    """Return precision, recall and F1 of extensions with another threshold."""
    rule = dataclasses.replace(FLY_EVENTS["proboscis_extension"], enter_sd=enter_sd)
    settings = EventSettings(rules={"proboscis_extension": rule})
    hits = found_all = true_all = 0
    for recording in project.recordings():
        trajectories = open_dataset(project.results(recording) / "trajectories.nc")
        found = find_events(trajectories, settings=settings)
        true = pd.read_csv(data_dir("fly_chamber") / "truth" / f"{recording}_events.csv")
        theirs = of(true, "proboscis_extension")
        hits += len(matched(found, theirs))
        found_all, true_all = found_all + len(found), true_all + len(theirs)
    precision = hits / found_all if found_all else 1.0
    return [enter_sd, precision, hits / true_all, 2 * hits / (found_all + true_all)]


def main() -> None:
    """Print what was found, what was missed and what was invented."""
    project = load_project(Path(sys.argv[1]))
    recordings = project.recordings()
    columns = ("recording", "event", "found", "of", "invented", "start off", "stop off", "place mm")
    rows = [row for recording in recordings for row in judge(project, recording)]
    show("events; worst start and stop in frames, worst place of an egg", columns, rows)
    rows = []
    for recording in recordings:
        trajectories = open_dataset(project.results(recording) / "trajectories.nc")
        for name in ("position", "position_raw"):
            rows.append(extension_row(trajectories, recording, name))
    columns = ("recording", "positions", "sd at rest", "highest at rest", "least peak", "most")
    show("extension of the proboscis in head widths; in truth 0.30", columns, rows)
    columns = ("enter_sd", "precision", "recall", "F1")
    show("extensions by threshold, all recordings", columns, [score(project, k) for k in STEPS])


if __name__ == "__main__":
    main()
