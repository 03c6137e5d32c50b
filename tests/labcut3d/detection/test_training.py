"""Training really reduces the error, repeats to the bit, and refuses labels it cannot use."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from labcut3d.detection import fitting
from labcut3d.detection.checkpoint import Checkpoint, State, training_key
from labcut3d.detection.evaluation import evaluate
from labcut3d.detection.fitting import Schedule
from labcut3d.detection.sampling import animal_sizes, hold_out
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import train_detector
from labcut3d.errors import DetectorError


def test_a_short_training_finds_the_dots(trained):
    figures = evaluate(trained.detector, trained.unseen).summary()
    # 1.5 px: a dot has a radius of 4 px, and the images are seen at half resolution.
    assert figures["median"] < 1.5
    assert figures["within"] > 0.9
    curve = trained.report.curves["pose"]
    assert curve.step[-1] == trained.report.settings.max_steps
    # Half of what knowing nothing costs: the logarithm of the number of cells.
    assert curve.held_out[-1] < np.log(16 * 16) / 2


def test_the_report_tells_what_happened(trained):
    report = trained.report
    assert report.n_images == 40
    assert report.n_labels == 120
    assert len(report.held_out) == 8
    assert report.evaluation is not None
    assert report.evaluation.error.shape == (8, 3, 2)
    assert report.seconds > 0
    assert set(report.curves) == {"locator", "pose"}
    assert np.isfinite(report.curves["pose"].held_out).all()


def test_the_same_seed_gives_the_same_bits(draw_dots, dots, quick):
    settings = dataclasses.replace(quick, min_steps=2, max_steps=2, locator_steps=1, held_out=0.0)
    images = draw_dots(12, 0)
    first, second = (train_detector(images, dots, settings)[0] for _ in range(2))
    other, _ = train_detector(images, dots, dataclasses.replace(settings, seed=4))
    for a, b in zip(first.pose.parameters(), second.pose.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.pose.head.weight, other.pose.head.weight)


@pytest.mark.slow
def test_bfloat16_trains_as_well(draw_dots, dots, quick, monkeypatch):
    """What GPUs do, on a processor: losses differ by rounding, and nothing overflows."""
    settings = dataclasses.replace(quick, min_steps=10, max_steps=10, locator_steps=2)
    images = draw_dots(12, 0)
    _, plain = train_detector(images, dots, settings)
    monkeypatch.setattr(fitting, "_has_bfloat16", lambda _: True)
    detector, mixed = train_detector(images, dots, settings)
    assert {p.dtype for p in detector.pose.parameters()} == {torch.float32}
    assert mixed.curves["pose"].loss != plain.curves["pose"].loss  # it was really on
    np.testing.assert_allclose(mixed.curves["pose"].loss, plain.curves["pose"].loss, rtol=0.03)


def test_training_leaves_the_global_random_numbers_alone(draw_dots, dots, quick):
    settings = dataclasses.replace(quick, min_steps=1, max_steps=1, locator_steps=1)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    train_detector(draw_dots(4, 0), dots, settings)
    assert torch.equal(torch.rand(1), expected)


def test_progress_reaches_its_end(draw_dots, dots, quick):
    settings = dataclasses.replace(quick, min_steps=2, max_steps=2, locator_steps=2)
    told = []
    train_detector(
        draw_dots(4, 0), dots, settings, progress=lambda done, total, _: told.append((done, total))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_view_without_labels_and_hidden_keypoints_are_no_obstacle(draw_dots, dots, quick):
    settings = dataclasses.replace(quick, min_steps=2, max_steps=2, locator_steps=2)
    images = draw_dots(6, 0, views=("cam0", "cam1"))
    hidden = np.full((1, 3, 2), np.nan)
    images = [
        dataclasses.replace(image, points=hidden) if image.view == "cam1" else image
        for image in images
    ]
    detector, _ = train_detector(images, dots, settings)
    assert detector.detect([images[0].image], view="cam1").position.shape == (1, 3, 2)


def test_a_keypoint_never_labelled_is_named(draw_dots, dots, quick):
    settings = dataclasses.replace(quick, min_steps=1, max_steps=1, locator_steps=1)
    images = []
    for image in draw_dots(4, 0):
        points = image.points.copy()
        points[:, 2] = np.nan
        images.append(dataclasses.replace(image, points=points))
    _, report = train_detector(images, dots, settings)
    assert any("tail" in warning for warning in report.warnings)


def test_labels_that_cannot_train_are_refused(draw_dots, dots):
    image = draw_dots(1, 0)[0]
    with pytest.raises(DetectorError, match="no labelled images"):
        train_detector([], dots)
    nothing = dataclasses.replace(image, points=np.full((1, 3, 2), np.nan))
    with pytest.raises(DetectorError, match="all keypoints of all 2 labelled images are empty"):
        train_detector([nothing, nothing], dots)
    hidden = [dataclasses.replace(nothing, frame=frame) for frame in range(12)]
    hidden[5] = dataclasses.replace(image, frame=5)  # the middle one, which is held out
    with pytest.raises(DetectorError, match="all keypoints of the 11 labelled images to train on"):
        train_detector(hidden, dots)
    two = dataclasses.replace(image, points=np.zeros((2, 3, 2)))
    with pytest.raises(DetectorError, match="frame 0, view 'cam0': 2 individuals"):
        train_detector([image, two], dots)
    other = dataclasses.replace(image, points=np.zeros((1, 4, 2)), known=np.array(True))
    with pytest.raises(DetectorError, match="labels of 4 keypoints"):
        train_detector([other], dots)


@pytest.mark.parametrize(
    ("name", "value"),
    [("largest_crop", 100), ("detail", 0), ("margin", 0.5), ("batch", 0), ("max_steps", 1),
     ("seed", -1), ("learning_rate", float("nan")), ("held_out", 0.9), ("frozen_blocks", 12)],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(name, value):
    with pytest.raises(DetectorError, match=name):
        DetectorSettings(**{name: value})


def test_held_out_moments_are_neighbours_and_keep_their_views_together(draw_dots):
    images = draw_dots(20, 0, views=("a", "b"))
    shown, kept = hold_out(images, 0.2)
    assert sorted({image.frame for image in kept}) == [8, 9, 10, 11]
    assert len(kept) == 8
    assert len(shown) == 32
    assert hold_out(images[:10], 0.2)[1] == []


def test_only_a_clearly_different_scale_gives_a_view_its_own_size(draw_dots):
    images = draw_dots(10, 0, views=("near", "far"))
    assert set(animal_sizes(images)) == {""}
    shrunk = [
        dataclasses.replace(i, points=i.points * 0.25) if i.view == "far" else i for i in images
    ]
    sizes = animal_sizes(shrunk)
    assert "far" in sizes
    assert sizes["far"] < sizes[""] / 2


def test_the_schedule_goes_on_while_the_error_falls():
    falling = Schedule(100, 400)
    for step in range(0, 400, 10):
        falling.watch(step, [2.0 ** (-s / 40) for s in range(0, step, 10)])
    assert falling.steps == 400
    stalled = Schedule(100, 400)
    for step in range(0, 400, 10):
        stalled.watch(step, [1.0] * (step // 10))
    assert stalled.steps == 100
    assert stalled.rate(0) < 0.1
    assert stalled.rate(40) == 1
    assert stalled.rate(99) == pytest.approx(1 / 40)


def test_a_killed_training_goes_on_to_the_same_bits(draw_dots, dots, quick, tmp_path, monkeypatch):
    monkeypatch.setattr("labcut3d.detection.checkpoint.INTERVAL", 2)
    settings = dataclasses.replace(
        quick, min_steps=5, max_steps=5, locator_steps=1, held_out=0.0, batch=2
    )
    images, path = draw_dots(4, 0), tmp_path / "training.safetensors"

    class Killed(BaseException):
        """Stands for the signal that ends a process."""

    def kill(done: int, total: int, note: str) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        train_detector(images, dots, settings, checkpoint=path, progress=kill)
    assert path.exists()
    resumed_at = []
    resumed, report = train_detector(
        images, dots, settings, checkpoint=path, progress=lambda done, *_: resumed_at.append(done)
    )
    assert resumed_at == [1, 4, 5, 6]  # the locator's step, then from step 2 of 5 on
    assert not path.exists()
    whole, expected = train_detector(images, dots, settings)
    for a, b in zip(resumed.pose.parameters(), whole.pose.parameters(), strict=True):
        assert torch.equal(a, b)
    np.testing.assert_array_equal(report.curves["pose"].loss, expected.curves["pose"].loss)


@pytest.mark.parametrize(
    "training",
    [None, "not JSON", "[]", "7", "null", '{"key": "of another"}', "[" * 10**5, "9" * 5000],
)
def test_a_damaged_or_foreign_checkpoint_changes_nothing(training, tmp_path):
    """`training` is what the file says of its training, None a file that is no checkpoint."""
    path = tmp_path / "training.safetensors"
    if training is None:
        path.write_bytes(b"not a checkpoint")
    else:
        save_file({"0.weight": torch.ones(2)}, path, metadata={"training": training})
    weights = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([weights])
    state = State(step=0, decay_from=9, points=[], recent=[], average=[torch.zeros(2)])
    Checkpoint(path=path, key="this").restore(state, [weights], optimizer)
    assert (state.step, state.decay_from) == (0, 9)
    assert not weights.any()
    assert not optimizer.state


def test_images_trained_on_besides_are_never_held_out_and_set_no_sizes(draw_dots, dots, quick):
    images = draw_dots(12, 5)
    large = [
        dataclasses.replace(i, recording="other", points=(i.points - 60) * 1.5 + 60)
        for i in draw_dots(12, 6)
    ]
    brief = dataclasses.replace(quick, min_steps=2, max_steps=2, locator_steps=2)
    alone, before = train_detector(images, dots, brief)
    detector, report = train_detector(images, dots, brief, more=large)
    assert [(i.recording, i.frame) for i in report.held_out] == [
        (i.recording, i.frame) for i in before.held_out
    ]
    assert detector.sizes == alone.sizes
    assert any(
        not torch.equal(a, b)
        for a, b in zip(detector.pose.parameters(), alone.pose.parameters(), strict=True)
    )


def test_training_goes_on_from_a_detector(trained, draw_dots, dots, quick):
    brief = dataclasses.replace(quick, min_steps=2, max_steps=2)
    detector, report = train_detector(draw_dots(15, 7), dots, brief, start=trained.detector)
    assert detector.locator is trained.detector.locator
    assert list(report.curves) == ["pose"]
    # Two steps from random weights find nothing; as in the first test, 1.5 px.
    assert evaluate(detector, trained.unseen).summary()["median"] < 1.5
    assert any(
        not torch.equal(a, b)
        for a, b in zip(detector.pose.parameters(), trained.detector.pose.parameters(), strict=True)
    )


def test_a_killed_training_does_not_go_on_as_one_of_another_skeleton(draw_dots, dots, quick):
    """Which keypoints are left and right decides the mirror images that are trained on."""
    images = draw_dots(3, 0)
    other = dataclasses.replace(dots, left_right=())
    assert other.mirrored != dots.mirrored
    assert training_key(images, quick, dots) != training_key(images, quick, other)
    assert training_key(images, quick, dots) == training_key(images, quick, dots)
