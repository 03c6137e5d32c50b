"""What closing the loop with geometry brings: fly_chamber, before and after `labcut3d refine`.

    python docs/benchmarks/refinement.py [--without] [recording ...]

Calibrates, trains on the labels of recording0, reconstructs, refines with pseudo-labels of the
unlabelled frames of the recordings named, by default recording0 and recording2, and compares both
detectors on the held-out labels and on the true, visible keypoints of recording1, of which nothing
is used (unless it is named: then its images are, but still no labels). The truth is also used to
say how good the pseudo-labels are. The project is kept in the cache, so that only what is missing
is computed again, and beside it the project with the refined detector, better or not.
With --without, the detector is trained on without pseudo-labels: what the longer training does.
"""

import shutil
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
from common import cache_dir, data_dir, show

from calibration import Rig
from labcut3d import pipeline
from labcut3d.detection.comparison import Comparison
from labcut3d.detection.evaluation import evaluate
from labcut3d.detection.pseudolabels import agreed_labels
from labcut3d.detection.storage import load_detector
from labcut3d.labels import LabelledImage
from labcut3d.project import Project, load_project
from labcut3d.schema import open_dataset
from labcut3d.stages import refining
from labcut3d.template import new_project
from labcut3d.video import open_frames

VIEWS = ("cam0", "cam1", "cam2", "cam3")
TESTED, STEP = "recording1", 5
BOARD = """
[board]
squares_x = 7
squares_y = 7
square_length = 0.8
marker_length = 0.6
dictionary = "DICT_4X4_50"
unit = "mm"
"""


def make_project(root: Path) -> Project:
    """Return fly_chamber as a project whose videos are links; one that is there already is kept."""
    if not (root / "project.toml").exists():
        new_project(root, views=VIEWS, skeleton="fly-egg-laying")
        path = root / "project.toml"
        path.write_text("fps = 30.0\n" + path.read_text(encoding="utf-8") + BOARD, encoding="utf-8")
        data = data_dir("fly_chamber")
        folders = ["calibration", *(f"recordings/recording{n}" for n in range(3))]
        names = [f"{folder}/{view}.mp4" for folder in folders for view in VIEWS]
        for name in (*names, "labels/recording0.csv"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(data / name)
    return load_project(root)


def unseen() -> list[LabelledImage]:
    """Return every fifth frame of recording1 with its true, visible keypoints."""
    folder = data_dir("fly_chamber")
    with np.load(folder / "truth" / f"{TESTED}.npz") as truth:
        pixels, visible = truth["pixels"].astype(float), truth["visible"]
    images = []
    for v, view in enumerate(VIEWS):
        frames = open_frames(folder / "recordings" / TESTED / f"{view}.mp4")
        for index, image in frames.read(range(0, len(frames), STEP)):
            points = np.where(visible[v, index, :, None], pixels[v, index], np.nan)
            images.append(
                LabelledImage(
                    recording=TESTED, frame=index, view=view, image=image, points=points[None]
                )
            )
    return images


def judge_labels(project: Project, recording: str) -> tuple[object, ...]:
    """Return how true a recording's pseudo-labels are, and the detections in the same places."""
    found = project.results(recording)
    detections = open_dataset(found / "detections.nc")
    trajectories = open_dataset(found / "trajectories.nc")
    labels = agreed_labels(recording, detections, trajectories, Rig.load(project.rig_path))
    with np.load(data_dir("fly_chamber") / "truth" / f"{recording}.npz") as truth:
        pixels, visible = truth["pixels"].swapaxes(0, 1), truth["visible"].swapaxes(0, 1)
    position, known = labels.position[:, :, 0], labels.known[:, :, 0]
    located = np.isfinite(position).all(axis=-1)
    detected = detections["position"].isel(individual=0)
    detected = detected.transpose("time", "view", "keypoint", "space").values
    true = located & visible
    errors = [np.linalg.norm(p - pixels, axis=-1)[true] for p in (position, detected)]
    quantiles = [f"{np.median(e):.2f}, {np.quantile(e, 0.95):.2f}" for e in errors]
    hidden = known & ~located
    return (
        recording,
        int(located.sum()),
        *quantiles,
        f"{100 * (~visible)[located].mean():.1f} %",
        int(hidden.sum()),
        f"{100 * visible[hidden].mean():.1f} %",
    )


def main() -> None:
    """Print the errors before and after."""
    without = "--without" in sys.argv
    names = [a for a in sys.argv[1:] if a != "--without"] or ["recording0", "recording2"]
    project = make_project(cache_dir() / "fly_chamber_project")
    pipeline.calibrate_project(project)
    pipeline.train(project)
    for name in names:
        pipeline.detect(project, name)
        pipeline.triangulate(project, name)
    columns = ("pseudo-labels", "located", "median, p95 px", "detected there", "truly hidden")
    columns += ("said hidden", "truly visible")
    show("All points agreed on", columns, [judge_labels(project, name) for name in names])
    before = load_detector(project.model_path)
    copied = cache_dir() / "fly_chamber_refined"
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(project.root, copied, symlinks=True)
    started = time.perf_counter()
    with ExitStack() as patches:
        # Kept in any case, to judge it on recording1.
        patches.enter_context(mock.patch.object(Comparison, "better", True))
        if without:
            patches.enter_context(mock.patch.object(refining, "_pseudo_labels", return_value=[]))
        found = pipeline.refine(replace(project, root=copied), names)[""]
    seconds = time.perf_counter() - started
    verdict = f"{'kept' if found.better else 'not kept'} after {seconds:.0f} s"
    images = unseen()
    after = evaluate(load_detector(copied / "models" / "default"), images)
    tested = Comparison(before=evaluate(before, images), after=after)
    rows = []
    for title, comparison in (("held out", found), (TESTED, tested)):
        for when, one in (("before", comparison.before), ("after", comparison.after)):
            f = one.summary()
            values = [f"{f[key]:.3f}" for key in ("mean", "rms", "median", "p95", "within")]
            values += [f"{one.covariance_ratio():.2f}", f"{one.calibration_error():.3f}"]
            rows.append((f"{title}, {when}", f["labels"], *values))
        print(f"{title}: {comparison.sentence()}")
    columns = ("", "labels", "mean px", "true RMS", "median", "p95", "PCK@5")
    columns += ("squared error / stated", "calibration error")
    used = "nothing" if without else ", ".join(names)
    show(f"Refined with {used}: {verdict}", columns, rows)


if __name__ == "__main__":
    main()
