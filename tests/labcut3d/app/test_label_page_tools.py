"""Tools of the labelling page beside the mouse: another animal, brightness, detections, moments."""

import re
import shutil

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
FOUND = {"source": "the detector", "views": {}}


@pytest.fixture(scope="module")
def page():
    """A page of a browser."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page(viewport={"width": 1400, "height": 900})
        browser.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory, page):
    """The labelling page of a project, and the truth."""
    project, _, pixels = make_labelling_project(tmp_path_factory.mktemp("p") / "project")
    app = AppProcess(project.root).start()
    labeller = Labeller(page, app.address, project.root / "labels" / "walk.csv")
    yield labeller.log_in(app.login), pixels, project
    app.kill()
    assert not labeller.errors


def test_another_animal_has_labels_of_its_own(scene):
    labeller, pixels, _ = scene
    labeller.open()
    labeller.click(0, pixels[0, 0, 0])
    labeller.page.click("#another")
    labeller.page.fill("#animal-name", "second fly")
    labeller.page.click("#animal-dialog >> text=Add")
    chosen = labeller.page.locator("#individual option:checked")
    sync_api.expect(chosen).to_have_text("second fly")
    labeller.click(1, pixels[0, 1, 0])
    labeller.saved()
    rows = [line.split(",")[1:4] for line in labeller.path.read_text().splitlines()[1:]]
    assert rows == [["cam0", "animal", "left_eye"], ["cam1", "second fly", "left_eye"]]
    labeller.page.reload()
    labeller.wait(0)
    sync_api.expect(labeller.page.locator("#individual option")).to_have_text(
        ["animal", "second fly"]
    )


def test_brightness_and_contrast_change_pictures_and_not_marks(scene):
    labeller = scene[0].open()
    for name, value in (("brightness", "250"), ("contrast", "150")):
        labeller.page.fill(f"#{name}", value)
    styles = labeller.page.eval_on_selector_all(
        "#views canvas", "all => all.map((one) => [one.className, one.style.filter])"
    )
    lit = [kind for kind, style in styles if style == "brightness(250%) contrast(150%)"]
    assert len(lit) == 4
    assert "marks" not in lit
    labeller.page.dblclick("#brightness")
    assert labeller.page.input_value("#brightness") == "100"


def test_what_the_detector_finds_is_accepted_by_a_key(scene):
    """The page's part; the detector itself answers in test_label.py."""
    labeller, pixels, project = scene
    (project.root / "models" / "default").mkdir(parents=True)
    (project.root / "models" / "default" / "model.toml").write_text("")
    views = {
        f"cam{v}": {"position": pixels[2, v].tolist(), "confidence": [0.9] * 12} for v in range(4)
    }
    labeller.page.route(
        "**/label/detected*", lambda route: route.fulfill(json=FOUND | {"views": views})
    )
    labeller.open(2)
    labeller.page.click("#detect")
    labeller.says("#hint", "Squares are what the detector says")
    labeller.page.keyboard.press("Shift+Enter")
    found = labeller.saved().marks(2)
    assert len(found) == 48
    assert close_to(found["cam3", "left_eye"], pixels[2, 3, 0])
    shutil.rmtree(project.root / "models" / "default")


def test_moments_are_suggested_by_a_button(scene):
    labeller = scene[0].open()
    labeller.page.click("#suggest")
    labeller.says("#suggest", "Choosing moments")
    hint = labeller.page.locator("#hint")
    sync_api.expect(hint).to_contain_text("of this recording are suggested", timeout=120_000)
    option = labeller.page.locator("#kind option[value=suggested]")
    count = int(re.search(r"\((\d+)\)", option.text_content()).group(1))
    assert count > 0
    suggestions = (scene[2].root / "results" / "suggestions.csv").read_text().splitlines()
    assert count == len(suggestions) - 1


WHILE_WORK_GOES_ON = """async () => {
    const { tell } = await import("/static/api.js");
    const heard = new Promise((hear) => document.addEventListener("jobs", hear, { once: true }));
    tell("This went wrong.");
    const headers = { "content-type": "application/json" };
    await fetch("/jobs", { method: "POST", headers, body: JSON.stringify({ task: "evaluate" }) });
    await heard;
    return document.getElementById("alert").textContent;
}"""


def test_an_error_is_still_there_when_work_tells_how_far_it_is(scene):
    labeller, _, _ = scene
    labeller.open()
    assert labeller.page.evaluate(WHILE_WORK_GOES_ON) == "This went wrong."
