"""The picture of the stereo rig's tutorial: `python docs/tutorial_picture.py rig/calibration.html`.

Needs Debian's chromium (apt-get install chromium).
"""

import io
import sys
from pathlib import Path

from chromium import open_chromium
from PIL import Image

OUT = Path(__file__).parent / "images" / "tutorial-stereo.png"
SIZE = {"width": 1180, "height": 820}
COLORS = 255  # of the saved picture
SETTLE = 5000  # ms that a page takes to draw itself


def main() -> None:
    """Save what a window shows of the report."""
    with open_chromium() as browser:
        page = browser.new_page(viewport=SIZE)
        page.goto(Path(sys.argv[1]).resolve().as_uri())
        page.wait_for_timeout(SETTLE)
        image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(COLORS).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
