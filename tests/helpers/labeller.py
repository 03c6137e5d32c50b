"""The labelling page with a hand at the mouse, on the recording `walk` of 640x480 px."""

import csv
import re

import numpy as np

NEAR = 1.0  # px: half a screen pixel, which is 1.4 of the picture, in both directions


def close_to(found, truth):
    """Tell whether a label lies where it was clicked."""
    return np.linalg.norm(np.array(found) - truth) < NEAR


class Labeller:
    """The labelling page, and a hand at the mouse."""

    def __init__(self, page, address, path):
        self.page, self.address, self.path = page, address, path
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def log_in(self, login):
        self.page.goto(login)
        self.page.wait_for_url(f"{self.address}/")
        return self

    def open(self, frame=0):
        self.page.goto(f"{self.address}/label?recording=walk&frame={frame}")
        return self.wait(frame)

    def wait(self, frame):
        self.page.wait_for_selector(f'[data-shown="walk {frame}"]')
        return self

    def wait_for_rig(self):
        with self.page.expect_response(re.compile("/label/geometry"), timeout=60_000):
            self.page.keyboard.press("1")
        return self

    def at(self, view, pixel):
        """Return where a pixel of a view is on the screen, while the whole picture is seen."""
        box = self.page.locator("canvas.marks").nth(view).bounding_box()
        scale = min(box["width"] / 640, box["height"] / 480)
        left = box["x"] + (box["width"] - 640 * scale) / 2
        top = box["y"] + (box["height"] - 480 * scale) / 2
        return round(left + (pixel[0] + 0.5) * scale), round(top + (pixel[1] + 0.5) * scale)

    def click(self, view, pixel, **options):
        self.page.mouse.click(*self.at(view, pixel), **options)

    def drag(self, view, start, stop):
        self.page.mouse.move(*self.at(view, start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(view, stop), steps=5)
        self.page.mouse.up()

    def saved(self):
        return self.says("#saved", "All saved")

    def says(self, place, words):
        """Wait until a part of the page says something; scripts from outside are refused there."""
        from playwright import sync_api

        sync_api.expect(self.page.locator(place)).to_contain_text(words, timeout=20_000)
        return self

    def marks(self, frame=0):
        """Return the labels on disk of a frame: (view, keypoint) -> pixel, or None where hidden."""
        if not self.path.exists():
            return {}
        with self.path.open() as stream:
            return {
                (row["view"], row["keypoint"]): (float(row["x"]), float(row["y"]))
                if row["x"]
                else None
                for row in csv.DictReader(stream)
                if row["frame"] == str(frame)
            }

    def label_by_line(self, keypoint, place):
        """Label a keypoint as a person with a rig does; `place` has its pixel by view's number.

        One click; the second where the line comes nearest to the keypoint in another view; Enter
        for the views that are left. Returns how far, px, the line passes the keypoint.
        """
        first, second = list(place)[:2]
        shift = "Shift+" if keypoint >= 10 else ""
        self.page.keyboard.press(f"{shift}Digit{(keypoint + 1) % 10}")
        with self._told_of(keypoint, first) as answered:
            self.click(first, place[first])
        curve = np.array(answered.value.json()["curves"][f"cam{second}"])
        meeting = nearest_on(curve, place[second])
        with self._told_of(keypoint, second):
            self.click(second, meeting)
        self.page.keyboard.press("Enter")
        return float(np.linalg.norm(meeting - place[second]))

    def _told_of(self, keypoint, view):
        """Expect what the rig says once a keypoint is labelled in a view."""

        def is_told(response):
            if "/label/geometry" not in response.url:
                return False
            asked = response.request.post_data_json
            points = asked["points"].get(f"cam{view}", [])
            return len(points) > keypoint and points[keypoint] is not None

        return self.page.expect_response(is_told, timeout=60_000)


def nearest_on(curve, point):
    """Return the point of a line through points (n, 2) that is nearest to `point`."""
    start, step = curve[:-1], np.diff(curve, axis=0)
    along = np.sum((point - start) * step, axis=1) / np.maximum(np.sum(step**2, axis=1), 1e-12)
    found = start + np.clip(along, 0, 1)[:, None] * step
    return found[np.argmin(np.linalg.norm(found - point, axis=1))]
