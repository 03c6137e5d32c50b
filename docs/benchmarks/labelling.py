"""How soon a click is on disk, and how soon the next moment is seen, in a real browser.

    python docs/benchmarks/labelling.py        needs Chromium; LABCUT3D_DATA names the data sets

The app runs on recording1 of fly_chamber: 4 views of 640x480 px, H.264, and a labels file of 2400
marks. A click counts from the release of the mouse button to the answer that says that it is on
disk; a step to another moment from the key to the paint of the last of the four pictures. Moments
lie evenly spread over the recording, that is 27 frames apart.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from common import data_dir, show
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "helpers"))
from app_process import AppProcess
from chromium import open_chromium

CLICKS = 60
MOMENTS = 19
THINKING = (1.0, 0.0)  # s that one looks at a moment; 0: the key is pressed as soon as it is seen
PROJECT = """
name = "fly"
skeleton = "fly-egg-laying"
fps = 30.0
[views.cam0]
[views.cam1]
[views.cam2]
[views.cam3]
"""

# Runs in the page: notes when a key or button went down or up, and when pictures were drawn.
WATCH = """
window.seen = { up: [], key: [], drawn: [] };
addEventListener("pointerup", () => seen.up.push(performance.now()), true);
addEventListener("keydown", () => seen.key.push(performance.now()), true);
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (...given) {
  draw.apply(this, given);
  requestAnimationFrame(() => setTimeout(() => seen.drawn.push(performance.now())));
};
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        app = AppProcess(make_project(Path(folder))).start()
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.add_init_script(WATCH)
        page.goto(app.login)
        page.wait_for_url(f"{app.address}/")
        rows = [("a click is on disk", *click(page, app))]
        for pause in THINKING:
            name = f"another moment, after {pause:g} s" if pause else "another moment, at once"
            rows.append((name, *step(page, app, pause)))
        app.kill()
    shown = [(name, len(times), *quantiles(times)) for name, *times in rows]
    show("Labelling, ms", ["", "n", "median", "90 %", "largest"], shown)


def make_project(root: Path) -> Path:
    """Return a project with the rig's recording and many labels of it."""
    data = data_dir("fly_chamber")
    (root / "project.toml").write_text(PROJECT)
    shutil.copytree(data / "recordings" / "recording1", root / "recordings" / "recording1")
    (root / "labels").mkdir()
    shutil.copy(data / "labels" / "recording0.csv", root / "labels" / "recording1.csv")
    return root


def open_frame(page: Page, app: AppProcess, frame: int) -> None:
    """Open the labelling page at a frame, and go through moments that are evenly spread."""
    page.goto(f"{app.address}/label?recording=recording1&frame={frame}")
    page.wait_for_selector(f'[data-shown="recording1 {frame}"]')
    page.select_option("#kind", "spread")
    time.sleep(2)


def click(page: Page, app: AppProcess) -> list[float]:
    """Return the ms from the release of the mouse to the answer, of each click."""
    open_frame(page, app, 13)
    box = page.locator("canvas.marks").first.bounding_box()
    assert box is not None
    times = []
    for number in range(CLICKS):
        page.keyboard.press("1")
        x = box["x"] + box["width"] * (0.3 + 0.3 * (number % 2)) + number
        with page.expect_response("**/label/changes") as answered:
            page.mouse.click(x, box["y"] + box["height"] / 2)
        assert answered.value.ok
        timing = answered.value.request.timing
        released = page.evaluate("performance.timeOrigin + seen.up.at(-1)")
        times.append(timing["startTime"] + timing["responseStart"] - released)
        time.sleep(0.1)
    return times


def step(page: Page, app: AppProcess, pause: float) -> list[float]:
    """Return the ms from the key to the last of four pictures, for each moment."""
    app.kill()  # so that nothing is decoded yet
    app.start()
    page.goto(app.login)
    page.wait_for_url(f"{app.address}/")
    open_frame(page, app, 13)
    times = []
    for _ in range(MOMENTS):
        time.sleep(pause)
        before = page.evaluate("seen.drawn.length")
        page.keyboard.press("ArrowRight")
        deadline = time.time() + 10
        while page.evaluate("seen.drawn.length") < before + 4 and time.time() < deadline:
            time.sleep(0.005)
        times.append(page.evaluate(f"seen.drawn[{before} + 3] - seen.key.at(-1)"))
    return times


def quantiles(times: list[float]) -> tuple[float, float, float]:
    """Return the median, what 9 of 10 stay below, and the largest."""
    return statistics.median(times), statistics.quantiles(times, n=10)[-1], max(times)


if __name__ == "__main__":
    main()
