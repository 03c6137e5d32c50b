"""The pictures of docs/app.md: each page of the app, on a project that is finished.

    labcut3d demo --out labcut3d-demo
    python docs/screenshots.py labcut3d-demo

Needs Debian's chromium (apt-get install chromium).
"""

import shutil
import sys
import tempfile
from pathlib import Path
from threading import Thread

from chromium import open_chromium
from PIL import Image
from playwright.sync_api import Page

from labcut3d.app import AppSettings
from labcut3d.app.launch import Launch, prepare

IMAGES = Path(__file__).parent / "images"
SIZE = {"width": 1180, "height": 760}
COLORS = 255  # of the saved pictures; enough for pages, and a quarter of the size
SETTLE = 4000  # ms that a report takes to draw itself


def serve(folder: Path, project: Path | None) -> Launch:
    """Serve the app in a thread that ends with this program."""
    folders = (folder, *([] if project is None else [project]))
    launch = prepare(AppSettings(folders=folders), project, 0)
    Thread(target=launch.serve, kwargs={"browser": False}, daemon=True).start()
    return launch


def log_in(page: Page, launch: Launch) -> str:
    """Log in, and return the address of the first page."""
    page.goto(launch.address)
    root = launch.address.split("/login")[0]
    page.wait_for_url(f"{root}/")
    return root


def save(page: Page, name: str) -> None:
    """Save what the window shows as a small PNG."""
    path = IMAGES / f"app-{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(COLORS).save(path, optimize=True)


def picture_begin(page: Page, project: Path) -> None:
    """The first page, and the form of a new project with its videos chosen."""
    with tempfile.TemporaryDirectory() as home:
        for place in ("calibration", "recordings/recording2"):
            shutil.copytree(project / place, Path(home) / "my videos" / Path(place).name)
        root = log_in(page, serve(Path(home), None))
        save(page, "start")
        page.goto(f"{root}/new")
        page.fill("#name", "my flies")
        page.click("[data-take=recording] >> text=Choose videos")
        for folder in ("my videos", "recording2"):
            page.click(f"dialog .folder:text-matches('^{folder}')")
        page.wait_for_selector("dialog [data-take]:text-matches('Use 4')")
        save(page, "choose")
        page.click("dialog [data-take]")
        page.wait_for_selector(".found:visible")
        save(page, "new")


def picture_steps(page: Page, project: Path) -> None:
    """The pages of a project that is finished."""
    root = log_in(page, serve(project.parent, project))
    for name in ("", "calibrate", "train", "reconstruct", "explore"):
        page.goto(f"{root}/{name}")
        page.wait_for_timeout(SETTLE)
        save(page, name or "project")


def main() -> None:
    """Make all pictures from the project that the first argument names."""
    project = Path(sys.argv[1]).resolve()
    IMAGES.mkdir(exist_ok=True)
    with open_chromium() as browser:
        for picture in (picture_begin, picture_steps):
            page = browser.new_page(viewport=SIZE, color_scheme="light")
            picture(page, project)
            page.close()


if __name__ == "__main__":
    main()
