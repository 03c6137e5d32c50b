"""A recording's detections are those of its single images, in order, for every view."""

import weakref
from pathlib import Path

import numpy as np
import pytest

from labcut3d.detection import runtime
from labcut3d.detection.detector import BATCH
from labcut3d.detection.inference import detect_recording
from labcut3d.detection.runtime import Runtime
from labcut3d.detection.symmetry import Mirror
from labcut3d.errors import DetectorError, VideoError
from labcut3d.schema import validate_detections


class Clip:
    """Frames that are already in memory."""

    fps = 30.0

    def __init__(self, images, name="clip.mp4"):
        self.images, self.path = images, Path(name)
        self.size = images[0].shape[1::-1]
        self.numbers = np.arange(len(images), dtype=np.int64)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]

    def read(self, indices=None):
        chosen = range(len(self)) if indices is None else indices
        return ((i, self.images[i]) for i in chosen if self.images[i] is not None)


class Stream(Clip):
    """Frames made as they are read; `most` tells how many were alive at once."""

    def __init__(self, image, count):
        super().__init__([image])
        self.numbers, self.alive, self.most = np.arange(count), 0, 0

    def __len__(self):
        return len(self.numbers)

    def read(self, indices):
        for index in indices:
            image = self.images[0].copy()
            weakref.finalize(image, self.release)
            self.alive += 1
            self.most = max(self.most, self.alive)
            yield index, image

    def release(self):
        self.alive -= 1


@pytest.fixture(scope="module")
def clips(draw_dots):
    """Two views of 20 frames, of different sizes: more than one batch, and not a whole number."""
    small = [image.image for image in draw_dots(20, 5)]
    large = [image.image for image in draw_dots(20, 6, size=(192, 144))]
    return {"cam0": Clip(small), "cam1": Clip(large)}


def test_each_frame_is_detected_as_by_itself(trained, clips):
    told = []
    dataset = detect_recording(
        trained.detector,
        clips,
        fps=30.0,
        progress=lambda done, total, _: told.append((done, total)),
    )
    validate_detections(dataset)
    assert dict(dataset.sizes) == {
        "time": 20, "view": 2, "space": 2, "keypoint": 3, "individual": 1, "space_": 2,
    }  # fmt: skip
    assert told[-1] == (40, 40)
    for view, clip in clips.items():
        for index in (0, 15, 16, 19):
            alone = trained.detector.detect([clip[index]], view=view)
            row = dataset.isel(time=index, individual=0).sel(view=view)
            # 0.01 px: sums are ordered differently in batches of other lengths.
            np.testing.assert_allclose(row.position.values.T, alone.position[0], atol=0.01)
            np.testing.assert_allclose(row.confidence.values, alone.confidence[0], atol=1e-3)
            assert row.frame == index


def test_one_detector_a_view(trained, clips):
    shared = detect_recording(trained.detector, clips, fps=30.0)
    by_view = detect_recording(dict.fromkeys(clips, trained.detector), clips, fps=30.0)
    np.testing.assert_array_equal(shared.position, by_view.position)
    with pytest.raises(DetectorError, match="view 'cam1' has no detector"):
        detect_recording({"cam0": trained.detector}, clips, fps=30.0)


def test_unequal_lengths_are_refused(trained, clips):
    short = Clip(clips["cam1"].images[:7], "short.mp4")
    with pytest.raises(VideoError, match=r"cam1: 7 \(short.mp4\)"):
        detect_recording(trained.detector, {**clips, "cam1": short}, fps=30.0)
    with pytest.raises(DetectorError, match="no views"):
        detect_recording(trained.detector, {}, fps=30.0)


def test_frames_that_cannot_be_read_are_missing_and_named(trained, clips):
    """In the middle and at the end of a view; all others are as without the damage."""
    whole = detect_recording(trained.detector, clips, fps=30.0)
    images = list(clips["cam1"].images)
    lost = [3, *range(12, 20)]
    for index in lost:
        images[index] = None
    damaged = Clip(images)
    told = []
    dataset = detect_recording(
        trained.detector,
        {**clips, "cam1": damaged},
        fps=30.0,
        progress=lambda done, total, _: told.append((done, total)),
    )
    assert told[-1] == (40, 40)
    assert dataset.attrs["missing_frames"] == "cam1: 9 of 20 frames cannot be read (3, 12-19)"
    assert "missing_frames" not in whole.attrs
    there = np.setdiff1d(np.arange(20), lost)
    for name in ("position", "confidence", "covariance"):
        found, expected = dataset[name], whole[name]
        assert np.isnan(found.sel(view="cam1").values[lost]).all()
        np.testing.assert_array_equal(found.sel(view="cam0"), expected.sel(view="cam0"))
        # The squares that follow the animal lie elsewhere where neighbours are missing.
        atol = {"position": 0.5, "confidence": 0.1, "covariance": 0.5}[name]
        np.testing.assert_allclose(
            found.sel(view="cam1").values[there], expected.sel(view="cam1").values[there], atol=atol
        )
    np.testing.assert_array_equal(dataset["frame"], whole["frame"])


def test_a_view_of_which_nothing_can_be_read(trained, clips):
    blank = Clip(clips["cam0"].images)
    blank.images = [None] * 20
    dataset = detect_recording(trained.detector, {**clips, "cam1": blank}, fps=30.0)
    assert "20 of 20 frames cannot be read (0-19)" in dataset.attrs["missing_frames"]


def test_many_runs_of_missing_frames_are_not_all_listed(trained, clips):
    gaps = Clip(clips["cam0"].images)
    gaps.images = [image if k % 2 else None for k, image in enumerate(gaps.images)]
    dataset = detect_recording(trained.detector, {"cam0": gaps}, fps=30.0)
    assert dataset.attrs["missing_frames"].endswith("(0, 2, 4, 6, 8, 5 more runs)")


def test_memory_does_not_grow_with_the_recording(trained, clips):
    """However many frames there are, only the batches at work are alive."""
    most = []
    for count in (100, 400):
        stream = Stream(clips["cam0"].images[0], count)
        detect_recording(trained.detector, {"cam0": stream}, fps=30.0)
        assert stream.alive == 0
        most.append(stream.most)
    assert max(most) <= 4 * BATCH


def test_images_of_another_kind_are_refused(trained):
    with pytest.raises(DetectorError, match="uint8 RGB"):
        trained.detector.detect([np.zeros((48, 64), dtype=np.uint8)])
    assert trained.detector.detect([]).position.shape == (0, 3, 2)


def test_confidence_is_low_where_there_is_no_animal(trained):
    rng = np.random.default_rng(0)
    empty = rng.integers(70, 110, (120, 160, 3)).astype(np.uint8)
    seen = trained.detector.detect([trained.unseen[0].image]).confidence
    assert trained.detector.detect([empty]).confidence.max() < seen.min()


@pytest.mark.parametrize("direction", [0, 1])
def test_a_mirror_image_gives_the_mirrored_detections(trained, direction):
    image = trained.unseen[0].image
    roles = trained.detector.mirrored
    look = Runtime(trained.detector.pose, "cpu", Mirror(direction=direction, roles=roles))
    found = look(image[None, :96, :128].copy())
    mirror = look(np.flip(image[None, :96, :128], 2 - direction).copy())
    back = mirror.position[0, list(roles)]
    back[:, direction] = (128, 96)[direction] - 1 - back[:, direction]
    # 0.05 px: exact but for rounding, as each is the mean of an input and its mirror image.
    np.testing.assert_allclose(back, found.position[0], atol=0.05)


def test_bfloat16_moves_detections_less_than_they_err(trained, monkeypatch):
    images = np.stack([one.image[:96, :128] for one in trained.unseen])
    fast = Runtime(trained.detector.pose, "cpu")(images)
    monkeypatch.setattr(runtime, "_precision", lambda _: "f32")
    exact = Runtime(trained.detector.pose, "cpu")(images)
    if np.array_equal(fast.position, exact.position):
        pytest.skip("this processor does not compute in bfloat16")
    sure = exact.mass > 0.5
    # 0.2 px, a tenth of what good detectors err; eight bits tell log odds to about one percent.
    assert np.median(np.linalg.norm(fast.position - exact.position, axis=-1)[sure]) < 0.2
    np.testing.assert_allclose(fast.mass[sure], exact.mass[sure], atol=0.1)
