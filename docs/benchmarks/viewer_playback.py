"""How large the viewer of a recording is, and how smoothly it plays in a headless browser.

    python docs/benchmarks/viewer_playback.py [OUT.html]

600 moments x 12 keypoints x 4 views of 640x480: the 540 frames of fly_chamber's recording0 and the
first 60 of recording1, at their true positions, with detections 0.7 px from the true pixels. No
graphics card: Chromium draws all on the processor. Played at its own speed, 30 moments a second,
and at twice that, where the rate is the viewer's and not the recording's; a moment counts as shown
when the browser asked for a frame of the page and the 3-D scene was drawn for it.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from common import data_dir, show
from datasets import fly_chamber_truth

from labcut3d.schema import make_detections, make_trajectories
from labcut3d.skeleton import load_skeleton
from labcut3d.video import Frames, open_frames
from labcut3d.viewers import Recording, trajectory_page

sys.path.insert(0, str(Path(__file__).parents[1]))
from chromium import open_chromium

MOMENTS, NOISE, SPEEDS, SECONDS = 600, 0.7, (1, 2, 1, 2), 8.0
COUNT = """async ([seconds, speed]) => {
  const glplot = scene._fullLayout.scene._scene.glplot, redraw = glplot.redraw;
  let draws = 0, counted = 0, shown = 0, asked = 0;
  glplot.redraw = () => { draws++; redraw(); };
  goTo(0);
  const options = [...byId("speed").options];
  byId("speed").selectedIndex = options.findIndex((one) => one.text.startsWith(speed + " "));
  byId("speed").onchange();
  await new Promise((done) => setTimeout(done, 1000));
  const begin = performance.now();
  play();
  await new Promise((done) => {
    const tick = () => {
      asked++;
      if (draws > counted) { shown++; counted = draws; }
      if (performance.now() - begin < 1000 * seconds) requestAnimationFrame(tick); else done();
    };
    requestAnimationFrame(tick);
  });
  const took = (performance.now() - begin) / 1000, reached = state.moment;
  pause();
  glplot.redraw = redraw;
  return [shown / took, asked / took, reached / took];
}"""


class Joined:
    """Two videos as one."""

    def __init__(self, parts: Sequence[Frames]) -> None:
        self.parts, self.path, self.trouble = parts, parts[0].path, ""
        self.size, self.fps, self.times = parts[0].size, parts[0].fps, None
        self.numbers = np.arange(sum(len(part) for part in parts))

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, indices: Sequence[int] | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the frames in order."""
        wanted = set(self.numbers.tolist() if indices is None else indices)
        start = 0
        for part in self.parts:
            yield from ((start + i, image) for i, image in part.read() if start + i in wanted)
            start += len(part)


def make_recording() -> Recording:
    """Return 600 moments of a fly."""
    folder, rig = data_dir("fly_chamber"), fly_chamber_truth()
    truths = [np.load(folder / "truth" / f"recording{i}.npz") for i in (0, 1)]
    pixels = np.concatenate([t["pixels"] for t in truths], axis=1)[:, :MOMENTS].astype(float)
    visible = np.concatenate([t["visible"] for t in truths], axis=1)[:, :MOMENTS]
    points = np.concatenate([t["position_mm"] for t in truths])[:MOMENTS]
    pixels += np.random.default_rng(0).normal(0, NOISE, pixels.shape)
    pixels[~visible] = np.nan
    skeleton = load_skeleton("fly-egg-laying")
    detections = make_detections(
        position=pixels.transpose(1, 0, 3, 2)[..., None],
        confidence=visible.transpose(1, 0, 2)[..., None].astype(float),
        views=rig.names,
        keypoints=skeleton.keypoints,
        individuals=["fly"],
        fps=30.0,
    )
    position = points.transpose(0, 2, 1)[..., None]
    shape = (MOMENTS, points.shape[1], 1)
    trajectories = make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.broadcast_to(4e-4 * np.eye(3), (*shape, 3, 3)),
        reprojection_error=np.full(shape, NOISE),
        view_used=visible.transpose(1, 0, 2)[..., None],
        confidence=np.ones(shape),
        like=detections,
        unit="mm",
    )
    videos = {
        view: Joined([open_frames(folder / f"recordings/recording{i}/{view}.mp4") for i in (0, 1)])
        for view in rig.names
    }
    return Recording(
        name="600 moments",
        trajectories=trajectories,
        detections=detections,
        rig=rig,
        skeleton=skeleton,
        videos=videos,
    )


def play(page_path: Path) -> list[list[float]]:
    """Return for each of `SPEEDS`, a second: moments shown, frames of the page, moments passed."""
    with open_chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(page_path.as_uri())
        page.wait_for_selector("body[data-ready=true]", timeout=120_000)
        page.wait_for_timeout(1000)
        return [page.evaluate(COUNT, [SECONDS, speed]) for speed in SPEEDS]


def main() -> None:
    """Write the viewer, play it, and print the table."""
    folder = Path(tempfile.mkdtemp())
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "viewer.html"
    begin = perf_counter()
    path.write_text(trajectory_page(make_recording()), encoding="utf-8")
    written = perf_counter() - begin
    rows = [
        (f"speed {speed}", *(f"{rate:.1f}" for rate in rates))
        for speed, rates in zip(SPEEDS, play(path.resolve()), strict=True)
    ]
    columns = ("", "moments shown a second", "frames of the page a second", "moments passed")
    show(
        f"{MOMENTS} moments x 12 keypoints x 4 views: {path.stat().st_size / 1e6:.1f} MB, "
        f"written in {written:.0f} s",
        columns,
        rows,
    )


if __name__ == "__main__":
    main()
