"""Errors planted in synthetic results are what is asked about, with the right reason."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.detection.doubts import find_doubts
from labcut3d.detection.suggestions import Suggestion, choose_doubts, suggestions_csv
from labcut3d.errors import DatasetError
from labcut3d.schema import make_detections, make_trajectories
from labcut3d.synthetic import Blemishes, Scene, make_scene

SHAPE = ("time", "view", "keypoint", "individual")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(3, n_times=120, blemishes=Blemishes(noise=0.5))


def trajectories_of(scene: Scene) -> xr.Dataset:
    """The true points as if they had been found, to 0.05 mm."""
    rng = np.random.default_rng(0)
    position = np.swapaxes(scene.position, 1, 2)[..., None].copy()
    raw = position + rng.normal(0, 0.05, position.shape)
    shape = (*scene.position.shape[:2], 1)
    return make_trajectories(
        position=position,
        position_raw=raw,
        covariance=np.tile(0.05**2 * np.eye(3), (*shape, 1, 1)),
        reprojection_error=np.full(shape, 0.6),
        view_used=np.isfinite(scene.detections["position"].values).all(axis=2),
        confidence=np.full(shape, 0.95),
        like=scene.detections,
        unit="mm",
    )


def chosen(doubts, count, gap=3, taken=()):
    found = choose_doubts(doubts, count, gaps={"walk": gap}, taken={"walk": taken})
    return {doubt.moment: doubt for doubt, _ in found}


def plant(data: xr.Dataset, name: str, change, **where) -> None:
    """Change a variable in place at one moment, keypoint, view..."""
    array = data[name]
    index = tuple(
        where.get(dim, slice(None)) if dim == "time"
        else array.get_index(dim).get_loc(where[dim]) if dim in where
        else slice(None)
        for dim in array.dims
    )  # fmt: skip
    array.values[index] = change(array.values[index])


def test_clean_results_raise_no_doubts(scene):
    doubts = find_doubts("walk", scene.detections, trajectories_of(scene), scene.rig)
    assert [doubt.text for doubt in doubts] == []


def test_planted_errors_are_found_with_their_reasons(scene):
    detections, trajectories = scene.detections.copy(deep=True), trajectories_of(scene)
    plant(detections, "position", lambda p: p + 24, time=30, view="cam2", keypoint="left_ear")
    plant(trajectories, "covariance", lambda c: c * 100, time=55, keypoint="tail")
    plant(trajectories, "position_raw", lambda p: p + 4, time=75, keypoint="nose")
    plant(trajectories, "position", lambda p: p * np.nan, time=100, keypoint="back")
    plant(trajectories, "position", lambda p: p * np.nan, time=100, keypoint="neck")
    doubts = find_doubts("walk", detections, trajectories, scene.rig, gap=3)
    found = chosen(doubts, 10)
    assert {moment: doubt.kind for moment, doubt in found.items()} == {
        30: "disagreement",
        55: "uncertainty",
        75: "jump",
        100: "missing",
    }
    assert found[30].text in (f"left_ear disagrees by {px} px in cam2" for px in (33, 34, 35))
    assert found[55].text == "tail is uncertain by 0.87 mm (usually 0.087)"
    assert found[75].text.startswith("nose jumps 6.")
    assert found[75].text.endswith("mm off its path")
    assert found[100].text == "neck and one more keypoint are missing"


def test_an_unsure_detection_that_disagrees_is_no_news(scene):
    detections = scene.detections.copy(deep=True)
    place = {"time": 30, "view": "cam2", "keypoint": "left_ear"}
    plant(detections, "position", lambda p: p + 34, **place)
    plant(detections, "confidence", lambda c: c * 0 + 0.1, **place)
    doubts = find_doubts("walk", detections, trajectories_of(scene), scene.rig)
    assert not [doubt for doubt in doubts if doubt.kind == "disagreement"]


def test_a_detector_that_claims_little_is_allowed_more(scene):
    """The same 5 px are a disagreement of a sure detection, and none of one known to 10 px."""
    kinds = []
    for deviation in (0.5, 10.0):
        shape = scene.detections["confidence"].shape
        covariance = np.broadcast_to(deviation**2 * np.eye(2), (*shape, 2, 2))
        detections = scene.detections.copy(deep=True).drop_vars("covariance", errors="ignore")
        detections["covariance"] = ((*SHAPE, "space", "space_"), covariance.astype("float32"))
        detections = detections.assign_coords(space_=["x", "y"])
        plant(detections, "position", lambda p: p + 5, time=30, view="cam2", keypoint="left_ear")
        doubts = find_doubts("walk", detections, trajectories_of(scene), scene.rig)
        kinds.append([(doubt.moment, doubt.kind) for doubt in doubts])
    assert kinds == [[(30, "disagreement")], []]


def test_without_the_rig_the_stored_reprojection_errors_serve(scene):
    trajectories = trajectories_of(scene)
    plant(trajectories, "reprojection_error", lambda e: e * 0 + 25, time=40, keypoint="rump")
    (doubt,) = find_doubts("walk", scene.detections, trajectories)
    assert (doubt.moment, doubt.text) == (40, "the views disagree about rump by 25 px")


def test_without_trajectories_confidence_and_pixel_paths_serve(scene):
    detections = scene.detections.copy(deep=True)
    detections["confidence"].values[:] = 0.95
    plant(detections, "confidence", lambda c: c * 0 + 0.5, time=20, keypoint="tail")
    plant(detections, "position", lambda p: p + 28, time=60, view="cam1", keypoint="nose")
    plant(detections, "confidence", lambda c: c * 0 + 0.01, time=90, keypoint="rump")
    found = chosen(find_doubts("walk", detections, gap=3), 10)
    assert {moment: doubt.kind for moment, doubt in found.items()} == {
        20: "uncertainty",
        60: "jump",
        90: "missing",
    }
    assert found[20].text == "tail is unsure: confidence 0.50 at best, in cam0"
    assert found[60].text in (f"nose jumps {px} px off its path in cam1" for px in range(37, 43))
    assert found[90].text == "rump is missing"


def test_a_keypoint_hidden_in_one_view_only_is_no_doubt(scene):
    detections = scene.detections.copy(deep=True)
    detections["confidence"].values[:] = 0.95
    plant(detections, "confidence", lambda c: c * 0 + 0.02, view="cam1", keypoint="tail")
    assert find_doubts("walk", detections) == []


def test_of_a_long_absence_the_middle_is_suggested(scene):
    trajectories = trajectories_of(scene)
    plant(trajectories, "position", lambda p: p * np.nan, time=slice(40, 61), keypoint="tail")
    (doubt,) = find_doubts("walk", scene.detections, trajectories, scene.rig, gap=5)
    assert (doubt.moment, doubt.kind) == (50, "missing")


def nothing_found(n_times: int = 40, n_views: int = 2) -> xr.Dataset:
    shape = (n_times, n_views, 2, 3, 1)
    return make_detections(
        position=np.full(shape, np.nan),
        confidence=np.full((n_times, n_views, 3, 1), np.nan),
        views=[f"cam{v}" for v in range(n_views)],
        keypoints=["a", "b", "c"],
        individuals=["animal"],
        fps=30.0,
    )


@pytest.mark.parametrize("n_times", [1, 2, 40])
def test_where_nothing_is_ever_found_nothing_stands_out(n_times):
    detections = nothing_found(n_times)
    assert find_doubts("walk", detections) == []
    shape = (n_times, 3, 1)
    trajectories = make_trajectories(
        position=np.full((n_times, 3, 3, 1), np.nan),
        position_raw=np.full((n_times, 3, 3, 1), np.nan),
        covariance=np.full((*shape, 3, 3), np.nan),
        reprojection_error=np.full(shape, np.nan),
        view_used=np.zeros((n_times, 2, 3, 1), dtype=bool),
        confidence=np.full(shape, np.nan),
        like=detections,
        unit="mm",
    )
    assert find_doubts("walk", detections, trajectories) == []


def test_several_animals_are_named():
    detections = nothing_found()
    position = np.zeros((40, 2, 2, 3, 2))
    confidence = np.full((40, 2, 3, 2), 0.9)
    confidence[20, :, 1, 1] = 0.5
    two = make_detections(
        position=position,
        confidence=confidence,
        views=list(detections["view"].values),
        keypoints=["a", "b", "c"],
        individuals=["ann", "bob"],
        fps=30.0,
    )
    (doubt,) = find_doubts("walk", two)
    assert (doubt.moment, doubt.keypoint) == (20, "bob b")


def test_trajectories_of_other_detections_are_refused(scene):
    with pytest.raises(DatasetError, match=r"'walk'.*'time'.*triangulate"):
        find_doubts("walk", scene.detections.isel(time=slice(9)), trajectories_of(scene), scene.rig)


def noisy_doubts(scene):
    rng = np.random.default_rng(7)
    detections = scene.detections.copy(deep=True)
    values = detections["position"].values
    wrong = rng.random(values.shape[:2] + values.shape[3:]) < 0.02
    values += 40 * np.expand_dims(wrong, 2) * rng.normal(size=values.shape)
    return find_doubts("walk", detections, trajectories_of(scene), scene.rig, gap=4)


def test_suggestions_keep_apart_from_each_other_and_from_labels(scene):
    doubts = noisy_doubts(scene)
    for gap in (1, 4, 15):
        labelled = [10, 60]
        found = choose_doubts(doubts, 50, gaps={"walk": gap}, taken={"walk": labelled})
        moments = np.sort([*(doubt.moment for doubt, _ in found), *labelled])
        assert len(found) > 2
        assert np.diff(moments).min() > gap
    scores = [score for _, score in found]
    assert scores[0] == 1.0
    assert min(scores) > 0


def test_suggestions_turn_to_other_keypoints_before_they_repeat(scene):
    found = choose_doubts(noisy_doubts(scene), 7, gaps={"walk": 2}, taken={})
    assert len({doubt.keypoint for doubt, _ in found}) >= 5  # of seven


def test_choosing_does_not_depend_on_the_order_of_the_doubts(scene):
    doubts = noisy_doubts(scene)
    ways = (doubts, doubts[::-1])
    first, second = (choose_doubts(way, 9, gaps={"walk": 3}, taken={}) for way in ways)
    assert first == second


def test_the_table_quotes_what_needs_it():
    one = Suggestion(recording="a", moment=3, frame=13, reason='x, "y"', score=0.5)
    assert suggestions_csv([one]) == ('recording,frame,reason,score\na,13,"x, ""y""",0.500\n')
