"""A person in front of a real browser: from videos to results, with reloads and a power cut."""

import csv
import os
import re
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from labeller import Labeller, close_to
from running_app import RunningApp, cut_video
from scripted_worker import wait_until

from labcut3d.skeleton import load_skeleton

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium")
PATIENCE = 600_000  # ms; calibrating and training take their time on a busy machine
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SAMPLE = resources.files("labcut3d") / "sample"
FRAMES = 100  # of the recording
MOMENTS = (3, 46, 90)  # of which the sample has labels
PIXEL = np.array([300.0, 200.0])
QUICK = "\n[detector]\nmin_steps = 20\nmax_steps = 20\nlocator_steps = 5\nlargest_crop = 96\n"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)


@pytest.fixture(scope="module")
def chromium():
    """A browser that shows no window."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def home(tmp_path):
    """A home folder with videos as a lab has them: few frames of the sample."""
    videos = tmp_path / "home" / "videos"
    with resources.as_file(SAMPLE) as sample:
        for source in sorted((sample / "calibration").iterdir()):
            cut_video(source, videos / "board" / source.name, every=5)
        for source in sorted((sample / "recordings" / "recording0").iterdir()):
            cut_video(source, videos / "walk" / source.name, most=FRAMES)
    return tmp_path / "home"


@pytest.fixture
def start():
    """A function that starts the app; all are stopped in the end."""
    running = []

    def start_app(*arguments):
        running.append(RunningApp(*arguments))
        return running[-1]

    yield start_app
    for app in running:
        app.stop()


class Person:
    """Someone at a browser who counts clicks; what the browser complains of is a failure."""

    def __init__(self, browser, app):
        self.context = browser.new_context(viewport={"width": 1300, "height": 900})
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.clicks, self.complaints = 0, []
        self.page.on("console", lambda said: said.type == "error" and self.complain(said.text))
        self.page.on("pageerror", lambda error: self.complain(str(error)))
        self.page.goto(app.address)
        self.page.wait_for_url(f"{app.root}/")

    def complain(self, text):
        if "ERR_" not in text:  # a server that was killed
            self.complaints.append(text)

    def click(self, what):
        self.page.click(what)
        self.clicks += 1

    def enter(self, *folders):
        """Go through folders in the dialog and take the videos that are there."""
        for name in folders:
            self.click(f"dialog .folder:text-matches('^{name}')")
        self.page.wait_for_selector("dialog [data-take]:text-matches('Use 4 videos')")
        self.click("dialog [data-take]")

    def see_address(self, part):
        """Wait for an address with a part in it, and return it."""
        self.page.wait_for_url(lambda url: part in url)
        return self.page.url

    def see(self, what, timeout=30_000):
        return self.page.wait_for_selector(what, timeout=timeout)


def test_a_project_from_videos_to_its_first_label_takes_few_clicks(chromium, home, start):
    """At most twelve clicks, the one on the picture included; nothing typed but a name."""
    app = start("--data", home)
    person = Person(chromium, app)
    assert "token" not in person.page.url
    person.click("main >> text=New project >> nth=1")
    person.page.fill("#name", "my flies")
    person.click("[data-take=recording] >> text=Choose videos")
    person.enter("videos", "walk")
    person.see(".found:text-matches('4 videos of .* frames')")
    assert person.page.input_value("#recording-name") == "walk"
    person.click("text=Make the project")
    person.see("text=Next: Label")
    person.click("text=Next: Label")
    labeller = Labeller(person.page, app.root, home / "my flies" / "labels" / "walk.csv")
    first = int(re.search(r"frame=(\d+)", person.see_address("frame=")).group(1))
    labeller.wait(first).click(0, PIXEL)
    person.clicks += 1
    assert close_to(labeller.saved().marks(first)["cam0", "left_eye"], PIXEL)
    assert person.clicks <= 12
    assert sorted(p.name for p in (home / "my flies" / "recordings" / "walk").iterdir()) == [
        f"cam{k}.mp4" for k in range(4)
    ]
    assert person.complaints == []
    person.context.close()
    printed = app.stop()
    assert printed.count(app.token) == 1  # in the address, and in no log


def test_what_is_wrong_is_said_beside_the_field_and_before_anything_is_made(chromium, home, start):
    (home / "videos" / "walk" / "cam3.mp4").write_bytes(b"no video")
    person = Person(chromium, start("--data", home))
    person.click("main >> text=New project >> nth=1")
    person.page.fill("#name", "videos")
    person.click("[data-take=recording] >> text=Choose videos")
    person.enter("videos", "walk")
    assert "cam3.mp4" in person.see("[data-part=recording] .problem:visible").text_content()
    assert "exists already" in person.see("[data-part=name] .problem:visible").text_content()
    person.click("text=Make the project")
    assert "exists already" in person.see("#alert:visible").text_content()
    person.context.close()


def make_project(person, home):
    """Make a project with recording, board videos and board in the wizard."""
    person.click("main >> text=New project >> nth=1")
    person.page.fill("#name", "flies")
    person.click("[data-take=recording] >> text=Choose videos")
    person.enter("videos", "walk")
    person.click("[data-take=calibration] >> text=Choose videos")
    person.click("dialog [data-up]")
    person.enter("board")
    board = {"squares_y": "7", "square_length": "0.8", "marker_length": "0.6"}
    for key, value in board.items():
        person.page.fill(f"[data-fields=board] [data-key={key}]", value)
    person.click("text=Make the project")
    person.see("text=Next: Calibrate")
    return home / "flies"


def true_places(frame):
    """The sample's own labels of a frame: by the number of the keypoint, by that of the view."""
    places = {}
    with (SAMPLE / "labels" / "recording0.csv").open() as stream:
        for row in csv.DictReader(stream):
            if int(row["frame"]) == frame:
                seen = places.setdefault(row["keypoint"], {})
                if row["x"]:
                    seen[int(row["view"][-1])] = np.array([float(row["x"]), float(row["y"])])
    names = load_skeleton("fly-egg-laying").keypoints
    return {k: places[name] for k, name in enumerate(names) if len(places[name]) >= 2}


def label(person, app, root):
    """Label three moments by two clicks and a key for each keypoint, with a reload in between."""
    labeller = Labeller(person.page, app.root, root / "labels" / "walk.csv")
    labeller.open(MOMENTS[0]).wait_for_rig()
    for frame in MOMENTS:
        labeller.open(frame).wait_for_rig()
        places = true_places(frame)
        missed = [labeller.label_by_line(k, place) for k, place in places.items()]
        # Half a screen pixel of the first click, 0.7 px of hand in the truth, and the rig.
        assert np.median(missed) < 2.0
        marks = labeller.saved().marks(frame)
        assert len(marks) >= 4 * len(places) - 4  # Enter labelled the views that were not clicked
    person.page.reload()
    labeller.wait(MOMENTS[-1]).saved()
    assert set(labeller.marks(MOMENTS[-1])) == set(marks)
    assert not labeller.errors


def workers_of(root):
    """The processes that work on a project."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"labcut3d.app.jobs.worker" in command and os.fsencode(root) in command:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_the_whole_way_with_clicks_reloads_two_tabs_and_a_power_cut(chromium, home, start):
    app = start("--data", home)
    person = Person(chromium, app)
    root = make_project(person, home)

    person.click("text=Next: Calibrate")
    person.click("[data-start]")
    person.see(".doing:text-matches('Looking for the board \\\\d+ %')", PATIENCE)
    person.page.reload()
    person.see(".doing:text-matches('%')", PATIENCE)
    person.see("iframe[title=Calibration]", PATIENCE)
    frame = person.page.frame_locator("iframe[title=Calibration]")
    frame.locator(".js-plotly-plot").first.wait_for(timeout=60_000)

    settings = root / "project.toml"
    settings.write_text(settings.read_text() + QUICK)
    label(person, app, root)
    person.page.goto(f"{app.root}/train")
    person.click("[data-task=train] [data-start]")
    person.see("#curve svg path.locator", PATIENCE)
    assert workers_of(root)
    app.kill()
    wait_until(lambda: not workers_of(root))
    person.context.close()

    app = start(root, "--data", home)
    person = Person(chromium, app)
    person.page.goto(f"{app.root}/train")
    assert "was stopped" in person.see("[data-task=train] .problem:visible").text_content()
    person.click("[data-task=train] [data-start]")
    person.see("iframe[title=Training]", PATIENCE)
    assert person.page.locator("#curve path.keypoints").get_attribute("d").count("L") >= 2

    reconstruct_in_two_tabs(person, app)
    explore(person, app)
    assert person.complaints == []
    person.context.close()


def reconstruct_in_two_tabs(person, app):
    """What one tab starts, the other shows, and both come to the end of it."""
    person.page.goto(f"{app.root}/reconstruct")
    other = person.context.new_page()
    other.goto(f"{app.root}/train")
    person.click("[data-task=reconstruct] [data-start]")
    other.wait_for_selector("#busy:text-matches('Reconstructing walk')", timeout=PATIENCE)
    other.goto(f"{app.root}/reconstruct")
    for tab in (person.page, other):
        tab.wait_for_selector("text=1 of 1 recording up to date", timeout=PATIENCE)
    other.close()


def explore(person, app):
    """The viewer plays, and the positions can be saved."""
    person.page.goto(f"{app.root}/explore")
    viewer = person.page.frame_locator("iframe")
    readout = viewer.locator("#readout")
    readout.wait_for(timeout=60_000)
    before = readout.text_content()
    viewer.locator("#play").click()
    wait_until(lambda: readout.text_content() != before, 30)
    with person.page.expect_download() as download:
        person.click("text=tidy CSV")
    first = Path(download.value.path()).read_text().splitlines()[0]
    assert re.search(r"keypoint.*x.*y.*z", first)
