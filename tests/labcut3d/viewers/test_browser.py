"""The pages in a real browser: nothing fails, everything moves together, nothing is loaded."""

import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from labcut3d.video_writing import write_mp4
from labcut3d.viewers import calibration_page, judge_recording, quality_page, trajectory_page
from labcut3d.viewers.ellipsoids import RADIUS

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
POINT = "scene.data[traceOf.points[0]]"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser, path, *, scheme="light", ask=""):
    """The page of a file, once it says that it is ready; what went wrong on it fails the test."""
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
    faults, loads = [], []
    page.on("console", lambda message: message.type == "error" and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: loads.append(request.url))
    page.goto(path.as_uri() + ask)
    page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    yield page
    page.close()
    assert faults == []
    beside = path.parent.as_uri()
    assert all(load.startswith(("blob:", "data:", beside)) for load in loads), loads


@pytest.fixture(scope="module")
def viewer(recording, ramp, tmp_path_factory):
    """A viewer's file: clips in two of four views, one view's detections once exchanged."""
    left, right = (recording.skeleton.keypoints.index(k) for k in recording.skeleton.left_right[0])
    found = recording.detections.copy(deep=True)
    seen = found["position"].values  # time, view, space, keypoint, individual
    seen[20, 1, :, [left, right], 0] = [[300.0, 200.0], [340.0, 220.0]]
    pixels = recording.rig["cam1"].project(recording.trajectories["position"].values[20, :, :, 0].T)
    seen[20, 1, :, left, 0], seen[20, 1, :, right, 0] = pixels[right], pixels[left]
    exchanged = xr.zeros_like(recording.trajectories["view_used"].isel(keypoint=0, drop=True))
    exchanged = exchanged.astype("int64")
    exchanged[20, 1, 0] = 1
    shown = replace(
        recording,
        detections=found,
        trajectories=recording.trajectories.assign(exchanged=exchanged),
        videos={name: ramp(50, (64, 48), 0) for name in ("cam0", "cam2")},
    )
    path = tmp_path_factory.mktemp("pages") / "viewer.html"
    path.write_text(trajectory_page(shown), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page(browser, viewer):
    with opened(browser, viewer) as page:
        yield page


def settled(page, moment):
    """Wait until all that shows a moment shows this one."""
    page.wait_for_function(
        f"state.moment === {moment} && views.every((view) => view.shown === {moment})"
        f" && Number(byId('slider').value) === {moment}"
    )


def drawn(page):
    """The keypoints (keypoint, 3) as the 3-D scene has them."""
    columns = page.evaluate(f"['x', 'y', 'z'].map((name) => Array.from({POINT}[name]))")
    return np.array(columns, dtype=float).T


def test_keys_move_everything(page, scene):
    page.evaluate("goTo(5)")
    settled(page, 5)
    for key, moment in (
        ("End", 49),
        ("ArrowLeft", 48),
        ("Shift+ArrowLeft", 38),
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowLeft", 0),
        ("ArrowLeft", 0),
    ):
        page.keyboard.press(key)
        settled(page, moment)
    page.keyboard.press("Shift+ArrowRight")
    settled(page, 10)
    np.testing.assert_allclose(drawn(page), scene.position[10], rtol=1e-5)
    assert "frame 10" in page.inner_text("#readout")


def test_playing_goes_on_until_it_is_stopped(page):
    page.evaluate("goTo(0)")
    settled(page, 0)
    page.keyboard.press(" ")
    page.wait_for_function("state.playing && state.moment >= 8")
    page.keyboard.press(" ")
    assert not page.evaluate("state.playing")
    settled(page, page.evaluate("state.moment"))
    page.evaluate("goTo(45); play()")
    page.wait_for_function("!state.playing && state.moment === 49")
    settled(page, 49)


def test_a_click_on_the_curves_moves_the_scene(page, scene):
    page.evaluate("goTo(0)")
    settled(page, 0)
    before = page.locator("#space").screenshot()
    box = page.locator("#series").bounding_box()
    x, width = page.evaluate("[series._fullLayout.xaxis._offset, series._fullLayout.xaxis._length]")
    page.locator("#series").scroll_into_view_if_needed()
    box = page.locator("#series").bounding_box()
    page.mouse.click(box["x"] + x + 0.6 * width, box["y"] + 0.6 * box["height"])
    page.wait_for_function("state.moment > 0")
    moment = page.evaluate("state.moment")
    assert abs(moment - 0.6 * 49) <= 1  # a curve is some 20 px a moment wide
    settled(page, moment)
    np.testing.assert_allclose(drawn(page), scene.position[moment], rtol=1e-5)
    page.locator("#space").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert page.locator("#space").screenshot() != before


def test_a_click_on_an_event_goes_to_its_start(page):
    page.locator("#event-rows tr", has_text="egg laying").click()
    settled(page, 10)
    assert page.locator("#event-rows tr.now").count() == 1
    assert "egg laying" in page.inner_text("#readout")


def test_signals_and_keypoints_are_chosen(page):
    rows = page.evaluate("shownSignals().map((signal) => signal.row)")
    assert rows == ["position", "speed", "reprojection_error", "confidence"]
    page.locator("#signals button", has_text="uncertainty").click()
    page.locator("#signals button", has_text="speed").click()
    page.wait_for_function("series._fullLayout.yaxis5 !== undefined")
    titles = [page.evaluate(f"series._fullLayout.yaxis{row}.title.text") for row in (3, 4, 5)]
    assert titles == ["reprojection (px)", "confidence", "uncertainty (mm)"]
    curves = page.evaluate("series.data.filter((trace) => trace.yaxis === 'y5').map((t) => t.y[3])")
    np.testing.assert_allclose(curves, np.sqrt(0.03), rtol=1e-6)  # three variances of 0.01 mm^2
    page.locator("#chips button", has_text="nose").click()
    page.wait_for_function("series.data.some((trace) => trace.name === 'nose')")


def test_ellipsoids_are_as_large_as_they_should_be(page, scene):
    page.evaluate("goTo(12)")
    settled(page, 12)
    page.select_option("#uncertainty", index=1)
    mesh = "scene.data[traceOf.uncertainty[0]]"
    page.wait_for_function(f"{mesh}.visible === true && !sceneBusy")
    columns = page.evaluate(f"['x', 'y', 'z'].map((name) => Array.from({mesh}[name]))")
    corners = np.array(columns).T.reshape(len(scene.position[12]), -1, 3)
    reach = np.linalg.norm(corners - scene.position[12][:, None], axis=-1)
    np.testing.assert_allclose(reach, 0.1 * RADIUS, rtol=2e-3)  # variances of 0.01; 32-bit numbers
    page.select_option("#uncertainty", index=0)


def test_cameras_come_near_and_go_back(page, scene):
    page.select_option("#cameras", "direction")
    camera = "scene.data[traceOf.camera[1]]"
    page.wait_for_function(f"{camera}.visible === true")
    near = page.evaluate(f"[{camera}.x[0], {camera}.y[0], {camera}.z[0]]")
    middle = page.evaluate("middleOf(homeRanges)")
    away, true = np.subtract(near, middle), scene.rig["cam1"].center - middle
    assert np.linalg.norm(away) < 0.5 * np.linalg.norm(true)
    np.testing.assert_allclose(np.cross(away, true), 0, atol=1e-6 * true @ true)
    page.select_option("#cameras", "place")
    page.wait_for_function(f"Math.abs({camera}.x[0] - {scene.rig['cam1'].center[0]}) < 1e-6")
    page.select_option("#cameras", "none")
    page.wait_for_function(f"{camera}.visible === false")


def test_repaired_exchanges_are_marked(page):
    page.evaluate("goTo(20)")
    settled(page, 20)
    assert page.locator(".exchanged:visible").count() == 1
    page.keyboard.press("ArrowRight")
    settled(page, 21)
    assert page.locator(".exchanged:visible").count() == 0


def test_light_and_dark(browser, viewer):
    with opened(browser, viewer, scheme="dark", ask="#frame=7") as page:
        settled(page, 7)
        papers = ["series._fullLayout.paper_bgcolor", "scene._fullLayout.paper_bgcolor"]
        assert [page.evaluate(paper) for paper in papers] == ["#161b21"] * 2
        page.locator("#theme").click()
        page.wait_for_function("series._fullLayout.paper_bgcolor === '#ffffff'")
        page.wait_for_function("scene._fullLayout.paper_bgcolor === '#ffffff'")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.keyboard.press("ArrowRight")
        settled(page, 8)


def test_videos_beside_the_page_are_played_by_their_frames(browser, recording, ramp, tmp_path):
    source = ramp(120, (64, 48), 0)
    images = (image for _, image in source.read())
    write_mp4(tmp_path / "cam0.mp4", images, source.fps, {"crf": "10"})
    frame = recording.detections["frame"] * 2 + 10
    shown = replace(
        recording,
        detections=recording.detections.assign(frame=frame),
        trajectories=recording.trajectories.assign(frame=frame),
        videos={"cam0": source},
        links={"cam0": "cam0.mp4"},
    )
    path = tmp_path / "viewer.html"
    path.write_text(trajectory_page(shown, max_video_bytes=10), encoding="utf-8")
    with opened(browser, path) as page:
        page.evaluate("goTo(30)")
        settled(page, 30)
        page.wait_for_function("views[0].video.readyState >= 2 && !views[0].video.seeking")
        assert page.evaluate("Math.floor(views[0].video.currentTime * 25)") == 70  # 2 x 30 + 10


def test_other_pages_draw_all_their_figures(browser, calibration, recording, tmp_path):
    pages = {
        "calibration": calibration_page(calibration),
        "quality": quality_page([judge_recording(recording)], project="chamber"),
    }
    for name, text in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        with opened(browser, path, scheme="dark") as page:
            drawn, there = page.evaluate(
                "[document.querySelectorAll('.figure .main-svg').length > 0,"
                " [...document.querySelectorAll('.figure')].every((f) => f._fullLayout)]"
            )
            assert drawn
            assert there
