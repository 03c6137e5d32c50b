"""Makes images/labelling.png: the labelling page on a moment of fly_chamber, as one works in it.

    python docs/labelling_screenshot.py PROJECT    a calibrated fly_chamber project; it is copied

The clicks are the truth's, but one that is put 20 px beside it. Needs Chromium and Pillow.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from chromium import open_chromium
from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from app_process import AppProcess

FRAME = 100
SIZE = {"width": 1040, "height": 690}
LARGEST = 200_000  # bytes


def main(project: Path) -> None:
    """Label a moment and take the picture."""
    truth = np.load(project / "truth" / "recording1.npz")["pixels"][:, FRAME]
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        copy = Path(folder) / "fly"
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns("recording[02]*"))
        app = AppProcess(copy).start()
        page = browser.new_page(viewport=SIZE)
        page.goto(app.login)
        page.wait_for_url(f"{app.address}/")
        page.goto(f"{app.address}/label?recording=recording1&frame={FRAME}")
        page.wait_for_selector(f'[data-shown="recording1 {FRAME}"]')
        with page.expect_response("**/label/geometry"):
            page.keyboard.press("1")  # the rig is there
        label(page, truth)
        shot = page.screenshot()
        app.kill()
    save(shot, Path(__file__).parent / "images" / "labelling.png")


def label(page: Page, truth: np.ndarray) -> None:
    """Label as one does: two clicks and a key; one is wrong, and one is only begun."""
    for keypoint in range(5):
        page.keyboard.press(str(keypoint + 1))
        click(page, 0, truth[0, keypoint])
        click(page, 2, truth[2, keypoint])
        page.wait_for_timeout(1500)
        page.keyboard.press("Enter")
        page.wait_for_timeout(800)
    page.keyboard.press("4")
    click(page, 3, truth[3, 3] + [16, 12])
    page.keyboard.press("7")
    click(page, 0, truth[0, 6])
    for view in range(4):
        page.mouse.move(*on_screen(page, view, truth[view, 4]))
        page.mouse.wheel(0, -420)
    page.wait_for_timeout(1500)


def click(page: Page, view: int, pixel: np.ndarray) -> None:
    """Click on a pixel of a view that shows its whole picture."""
    page.mouse.click(*on_screen(page, view, pixel))


def on_screen(page: Page, view: int, pixel: np.ndarray) -> tuple[float, float]:
    """Return where a pixel is on the screen."""
    box = page.locator("canvas.marks").nth(view).bounding_box()
    assert box is not None
    scale = min(box["width"] / 640, box["height"] / 480)
    left = box["x"] + (box["width"] - 640 * scale) / 2
    top = box["y"] + (box["height"] - 480 * scale) / 2
    return float(left + (pixel[0] + 0.5) * scale), float(top + (pixel[1] + 0.5) * scale)


def save(shot: bytes, path: Path) -> None:
    """Write a screenshot with as many colours as fit."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for colors in (256, 128, 64, 32):
        stream = io.BytesIO()
        picture.quantize(colors, dither=Image.Dither.NONE).save(stream, "png", optimize=True)
        if len(stream.getvalue()) < LARGEST:
            break
    path.write_bytes(stream.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
