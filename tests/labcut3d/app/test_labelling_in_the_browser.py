"""Labelling with a real mouse in a real browser: what was clicked is what lies on disk."""

import re
import shutil
import time

import numpy as np
import pytest
from app_process import AppProcess
from labeller import Labeller, close_to
from labelling_project import make_labelling_project

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium"),
]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def scene(tmp_path):
    """A project, its app, and the truth."""
    project, rig, pixels = make_labelling_project(tmp_path / "project")
    app = AppProcess(project.root).start()
    yield project, app, rig, pixels
    app.kill()


def labels_of(project):
    """The labels file that the page writes."""
    return project.root / "labels" / "walk.csv"


@pytest.fixture
def labeller(browser, scene):
    project, app, _, _ = scene
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    labeller = Labeller(context.new_page(), app.address, labels_of(project))
    yield labeller.log_in(app.login).open().wait_for_rig()
    assert not labeller.errors
    context.close()


def test_two_clicks_and_a_key_label_four_views(labeller, scene):
    _, _, rig, pixels = scene
    for number, name in enumerate(("left_eye", "right_eye", "ocellus")):
        labeller.page.keyboard.press(str(number + 1))
        labeller.click(0, pixels[0, 0, number])
        labeller.click(2, pixels[0, 2, number])
        labeller.page.keyboard.press("Enter")
        chosen = labeller.page.locator("#keypoints [aria-current=true] .name")
        sync_api.expect(chosen).not_to_have_text(name)  # it is done, so the next one is chosen
    found = labeller.saved().marks()
    assert len(found) == 12
    for (view, keypoint), pixel in found.items():
        k = ("left_eye", "right_eye", "ocellus").index(keypoint)
        # Two clicks, each half a screen pixel off, are 1 px off in the views that they tell of.
        assert np.linalg.norm(pixel - pixels[0, rig.names.index(view), k]) < 2.5


def test_undo_redo_drag_hide_and_clear_reach_the_disk(labeller, scene):
    pixels = scene[3]
    eye = ("cam0", "left_eye")
    labeller.click(0, pixels[0, 0, 0])
    assert close_to(labeller.saved().marks()[eye], pixels[0, 0, 0])
    labeller.drag(0, pixels[0, 0, 0], pixels[0, 0, 0] + 40)
    assert close_to(labeller.saved().marks()[eye], pixels[0, 0, 0] + 40)
    labeller.page.keyboard.press("Control+z")
    assert close_to(labeller.saved().marks()[eye], pixels[0, 0, 0])
    labeller.page.keyboard.press("Control+z")
    assert labeller.saved().marks() == {}
    labeller.page.keyboard.press("Control+Shift+z")
    assert close_to(labeller.saved().marks()[eye], pixels[0, 0, 0])
    labeller.click(0, pixels[0, 0, 0], button="right")
    assert labeller.saved().marks() == {}
    labeller.page.mouse.move(*labeller.at(1, (10, 10)))
    labeller.page.keyboard.press("h")
    assert labeller.saved().marks() == {("cam1", "left_eye"): None}


def test_zoom_stays_between_moments_and_clicks_land_where_they_are_seen(labeller, scene):
    pixels, page = scene[3], labeller.page
    x, y = labeller.at(0, pixels[1, 0, 0])
    page.mouse.move(x, y)
    page.mouse.wheel(0, -900)  # around the mouse: what is under it stays there
    page.keyboard.press("ArrowRight")
    labeller.wait(1)
    page.mouse.click(x, y)
    page.keyboard.press("2")
    page.mouse.click(x + 60, y)
    found = labeller.saved().marks(1)
    assert close_to(found["cam0", "left_eye"], pixels[1, 0, 0])
    apart = np.subtract(found["cam0", "right_eye"], found["cam0", "left_eye"])
    box = page.locator("canvas.marks").nth(0).bounding_box()
    whole = 60 / min(box["width"] / 640, box["height"] / 480)
    assert abs(whole / apart[0] - np.exp(900 * 0.0018)) < 0.01  # as far in as the wheel was turned
    assert abs(apart[1]) < 0.02


def test_a_reload_and_a_killed_server_lose_nothing(labeller, scene, browser):
    _, app, _, pixels = scene
    page = labeller.page
    labeller.click(0, pixels[0, 0, 0])
    page.reload()
    labeller.wait(0)
    app.kill()
    labeller.click(1, pixels[0, 1, 0])
    labeller.click(2, pixels[0, 2, 0])
    labeller.says("#saved", "2 changes")
    app.start()
    labeller.says("#alert", "second tab")
    second = Labeller(page.context.new_page(), app.address, labeller.path).log_in(app.login)
    found = labeller.saved().marks()
    assert set(found) == {(f"cam{v}", "left_eye") for v in (0, 1, 2)}
    assert all(close_to(found[f"cam{v}", "left_eye"], pixels[0, v, 0]) for v in (0, 1, 2))
    # A tab that is closed while the server is away leaves its clicks to the next one.
    app.kill()
    labeller.click(3, pixels[0, 3, 0])
    labeller.says("#saved", "1 change")
    page.close()
    app.start()
    second.log_in(app.login).open().saved()
    assert close_to(second.marks()["cam3", "left_eye"], pixels[0, 3, 0])


def test_two_windows_see_each_other_and_are_told_of_a_conflict(labeller, scene):
    _, app, _, pixels = scene
    other = Labeller(labeller.page.context.new_page(), app.address, labeller.path).open()
    labeller.click(0, pixels[0, 0, 0])
    labeller.saved()
    other.says("#where", "1 of 48")
    # While the other one cannot hear, both change the same label.
    other.page.route("**/label/marks*", lambda route: route.abort())
    labeller.drag(0, pixels[0, 0, 0], pixels[0, 0, 0] + 30)
    labeller.saved()
    other.drag(0, pixels[0, 0, 0], pixels[0, 0, 0] - 30)
    other.page.wait_for_selector("text=Another window changed left_eye")
    assert close_to(labeller.marks()["cam0", "left_eye"], pixels[0, 0, 0] + 30)
    other.page.click("text=Use mine instead")
    deadline = time.time() + 10
    while not close_to(other.saved().marks()["cam0", "left_eye"], pixels[0, 0, 0] - 30):
        assert time.time() < deadline


def test_a_label_that_contradicts_is_marked_with_its_distance(labeller, scene):
    pixels = scene[3]
    for view in range(4):
        labeller.page.keyboard.press("1")
        off = 25 if view == 3 else 0
        labeller.click(view, pixels[0, view, 0] + off)
    labeller.page.keyboard.press("1")
    labeller.page.wait_for_selector("#hint:has-text('does not fit the other views')")
    hint = labeller.page.locator("#hint").text_content()
    distance = float(re.search(r"([\d.]+) px in cam3", hint).group(1))
    assert abs(distance - np.hypot(25, 25)) < 3.0
    assert labeller.page.locator("#keypoints .is-bad").count() == 1
