"""Refining a project of four synthetic views: what is trained on, and what is kept."""

import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from labcut3d import pipeline
from labcut3d.detection.detector import Detector, Prediction
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.evaluation import Evaluation
from labcut3d.detection.network import KeypointNetwork
from labcut3d.detection.sampling import hold_out
from labcut3d.detection.storage import load_detector, save_detector
from labcut3d.detection.uncertainty import Calibration
from labcut3d.errors import DatasetError, DetectorError, LabelError, ProjectError, RigError
from labcut3d.labels import LabelRow, write_label_rows
from labcut3d.project import Project, load_project
from labcut3d.provenance import write_stamp
from labcut3d.reconstruction import reconstruct
from labcut3d.schema import open_dataset, save_dataset
from labcut3d.stages.detectors import model_folders
from labcut3d.stages.training import training_inputs
from labcut3d.synthetic import make_scene
from labcut3d.template import new_project

TIMES = 72
FIRST = 5  # the number of the first image
LABELLED = range(FIRST, FIRST + TIMES, 6)
QUICK = """
[detector]
largest_crop = 64
min_steps = 2
max_steps = 2
batch = 2
held_out = 0.25
"""


def untrained(project: Project, slope: float) -> Detector:
    """A detector with random weights, told from others by its calibration."""
    networks = [
        KeypointNetwork(new_encoder("efficientnet-lite0", pretrained=False), count)
        for count in (1, len(project.skeleton.keypoints))
    ]
    return Detector(
        keypoints=project.skeleton.keypoints,
        mirrored=project.skeleton.mirrored,
        settings=project.detector,
        sizes={"": 100.0},
        locator=networks[0].eval(),
        pose=networks[1].eval(),
        calibration=Calibration(slope=slope),
    )


def save_models(project: Project) -> None:
    """Detectors that count as trained from the labels; their errors will be 2 px."""
    for folder in model_folders(project):
        save_detector(untrained(project, 2.0), folder)
        write_stamp(folder / "model.toml", training_inputs(project))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Project:
    """A project with rig, labels, a detector and one reconstructed recording."""
    scene = make_scene(3, n_boards=3, n_times=TIMES)
    folder = tmp_path_factory.mktemp("refining")
    (folder / "bug.toml").write_text(
        f'name = "bug"\nkeypoints = {list(scene.skeleton.keypoints)}\n'.replace("'", '"')
    )
    made = new_project(folder / "bugs", views=scene.rig.names, skeleton=str(folder / "bug.toml"))
    path = made.root / "project.toml"
    path.write_text("fps = 30\n" + path.read_text() + QUICK)
    rows = []
    for camera in scene.rig:
        images = made.root / "recordings" / "walk" / camera.name
        images.mkdir(parents=True)
        black = np.zeros((camera.size[1], camera.size[0], 3), np.uint8)
        encoded = cv2.imencode(".png", black)[1].tobytes()
        for number in range(FIRST, FIRST + TIMES):
            (images / f"image{number:03d}.png").write_bytes(encoded)
        pixels = camera.project(scene.position)
        rows += [
            LabelRow(number, camera.name, "bug", name, *pixels[number - FIRST, k].tolist())
            for number in LABELLED
            for k, name in enumerate(scene.skeleton.keypoints)
        ]
    write_label_rows(made.root / "labels" / "walk.csv", rows)
    project = load_project(made.root)
    scene.rig.save(project.rig_path)
    results = project.results("walk")
    detections = scene.detections.assign(frame=scene.detections["frame"] + FIRST)
    save_dataset(detections, results / "detections.nc")
    save_dataset(reconstruct(detections, scene.rig), results / "trajectories.nc")
    save_models(project)
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished project, to change; its images' times stay, so that it is current."""
    return load_project(shutil.copytree(finished.root, tmp_path / "bugs"))


@pytest.fixture
def training(monkeypatch) -> SimpleNamespace:
    """Training and evaluation without networks: a detector's error is the slope of its calibration.

    `slope` is that of new detectors, by their first view; `given` is what each was trained on.
    """
    told = SimpleNamespace(slope={}, given=[])

    def evaluate(detector, images):
        n, k = len(images), len(detector.keypoints)
        error = np.zeros((n, k, 2))
        error[..., 0] = detector.calibration.slope
        return Evaluation(
            keypoints=detector.keypoints,
            recordings=tuple(image.recording for image in images),
            views=tuple(image.view for image in images),
            frames=tuple(image.frame for image in images),
            error=error,
            prediction=Prediction(
                position=error,
                confidence=np.ones((n, k)),
                covariance=np.tile(np.eye(2), (n, k, 1, 1)),
            ),
            tolerance=5.0,
        )

    def train_detector(images, skeleton, settings, *, more, start, checkpoint, progress):
        told.given.append((images, more, checkpoint))
        slope = told.slope[images[0].view]
        if isinstance(slope, BaseException):
            raise slope
        detector = untrained(SimpleNamespace(skeleton=skeleton, detector=settings), slope)
        held_out = hold_out(images, settings.held_out)[1]
        return detector, SimpleNamespace(evaluation=evaluate(detector, held_out))

    monkeypatch.setattr("labcut3d.detection.evaluation.evaluate", evaluate)
    monkeypatch.setattr("labcut3d.detection.training.train_detector", train_detector)
    return told


def models(project: Project) -> dict[str, bytes]:
    return {
        str(path.relative_to(project.root)): path.read_bytes()
        for path in sorted((project.root / "models").rglob("*"))
        if path.is_file()
    }


def page(project: Project) -> str:
    return (project.root / "results" / "refinement.html").read_text()


def test_a_better_detector_takes_the_place_of_the_old_one(project, training):
    training.slope = {"cam0": 1.0}
    (found,) = pipeline.refine(project).values()
    assert found.better
    assert found.certainty() == 1.0
    assert load_detector(project.model_path).calibration.slope == 1.0
    assert "The refined detector is kept: mean 2 to 1 px" in page(project)
    before = models(project)
    pipeline.train(project)  # does not undo it
    assert pipeline.refine(project) == {}  # and it is not done again
    assert models(project) == before
    assert len(training.given) == 1


def test_a_worse_detector_is_thrown_away(project, training):
    before = models(project)
    training.slope = {"cam0": 2.5}
    (found,) = pipeline.refine(project).values()
    assert not found.better
    assert models(project) == before
    assert "no better on the held-out labels, so the old one stays: mean 2 to 2.5" in page(project)
    assert pipeline.refine(project) == {}


def test_pseudo_labels_lie_on_the_points_and_away_from_the_held_out_labels(project, training):
    training.slope = {"cam0": 1.0}
    pipeline.refine(project, count=8)
    ((images, more, checkpoint),) = training.given
    assert {i.frame for i in images} == set(LABELLED)
    frames = {image.frame for image in more}
    assert 0 < len(frames) <= 8
    assert not frames & set(LABELLED)
    held_out = [i.frame for i in hold_out(images, project.detector.held_out)[1]]
    assert all(f < min(held_out) - 15 or f > max(held_out) + 15 for f in frames)
    assert checkpoint.parent == project.model_path
    truth = make_scene(3, n_boards=3, n_times=TIMES)
    for image in more:
        pixels = truth.rig[image.view].project(truth.position[image.frame - FIRST])
        assert np.nanmax(np.linalg.norm(image.points[0] - pixels, axis=-1)) < 1.5
        assert np.isfinite(image.points).any()


def test_each_view_with_a_detector_of_its_own_is_judged_by_itself(project, training):
    path = project.root / "project.toml"
    path.write_text(path.read_text() + 'share = "none"\n')
    project = load_project(project.root)
    save_models(project)
    training.slope = {"cam0": 1.0, "cam1": 3.0, "cam2": 2.0, "cam3": 1.5}
    found = pipeline.refine(project)
    assert [name for name, one in found.items() if one.better] == ["cam0", "cam3"]
    kept = [load_detector(folder).calibration.slope for folder in model_folders(project)]
    assert kept == [1.0, 2.0, 2.0, 1.5]
    for (images, more, _), view in zip(training.given, project.views, strict=True):
        assert {image.view for image in (*images, *more)} == {view}


def test_an_interrupted_training_changes_nothing(project, training):
    before = models(project)
    training.slope = {"cam0": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        pipeline.refine(project)
    assert models(project) == before
    assert not (project.root / "results" / "refinement.html").exists()


@pytest.mark.slow
def test_the_real_training_takes_pseudo_labels(project):
    """With two steps only, which make no good detector: that the parts fit together."""
    (found,) = pipeline.refine(project, count=3).values()
    assert np.isfinite(found.after.summary()["mean"])
    assert not (project.model_path / "refinement.safetensors").exists()


def remove_rig(project):
    project.rig_path.unlink()


def remove_model(project):
    shutil.rmtree(project.model_path)


def remove_results(project):
    (project.results("walk") / "trajectories.nc").unlink()


def add_a_label(project):
    path = project.root / "labels" / "walk.csv"
    path.write_text(path.read_text() + "6,cam0,bug,nose,1,1\n")


def keep_few_labels(project):
    path = project.root / "labels" / "walk.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:20]) + "\n")
    save_models(project)


def keep_one_view(project):
    for view in list(project.views)[1:]:
        del project.views[view]


def blind_the_views(project):
    for name in ("detections.nc", "trajectories.nc"):
        path = project.results("walk") / name
        dataset = open_dataset(path)
        save_dataset(dataset.assign(confidence=dataset["confidence"] * 0), path)


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (remove_rig, RigError, r"rig\.toml.*labcut3d calibrate"),
        (keep_one_view, RigError, "points in space take two views or more"),
        (remove_model, DetectorError, "no trained detector; run: labcut3d train"),
        (remove_results, ProjectError, "run: labcut3d reconstruct"),
        (add_a_label, DetectorError, r"changed: labels/walk\.csv.*labcut3d train"),
        (keep_few_labels, LabelError, "label at least 10 moments"),
        (blind_the_views, DatasetError, "in walk no views agree on any point"),
    ],
)
def test_what_is_missing_is_said(project, training, spoil, error, words):
    spoil(project)
    before = models(project)
    with pytest.raises(error, match=words):
        pipeline.refine(project)
    assert models(project) == before
    assert not training.given


def test_a_recording_without_results_is_named(project, training):
    remove_results(project)
    with pytest.raises(DatasetError, match=r"trajectories\.nc: no such file.*reconstruct.* walk"):
        pipeline.refine(project, ["walk"])


def test_a_shorter_list_of_moments_is_another_refinement(project, training):
    training.slope = {"cam0": 2.5}
    assert pipeline.refine(project, count=4)
    assert pipeline.refine(project, count=3)
    assert len(training.given) == 2
