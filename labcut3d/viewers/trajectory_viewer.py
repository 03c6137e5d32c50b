"""The viewer: videos, 3-D skeleton, time series and events of one recording, moving together."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from labcut3d.contract import TRAJECTORIES
from labcut3d.progress import Progress
from labcut3d.schema import kind_of
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.clips import Clips, make_clips
from labcut3d.viewers.page import Number, Page, escape, number_text, render
from labcut3d.viewers.palette import in_words
from labcut3d.viewers.recording import Recording, signal_sources, thin
from labcut3d.viewers.recording_data import recording_data
from labcut3d.viewers.time_series import figure_signals, one_a_row
from labcut3d.viewers.trajectory_figure import SceneOptions, figure_trajectory_3d

__all__ = ["dataset_page", "trajectory_page"]

STUTTER = 5  # frames from one shown to the next; a video of fewer shows no movement
MAX_VIDEO_BYTES = 13_000_000  # 17.4 MB as text; plotly has 4.8 MB, and a page at most 25 MB
SCRIPTS = (
    *("arrays", "scene", "scene_controls", "ellipsoids", "views", "videos", "overlay"),
    *("series", "events", "transport", "start"),
)

SCENE = """<section class="card panel" id="scene-panel"><div class="bar"><h2>3-D</h2>
<label>trail <select id="trail"></select></label>
<label>shows <select id="frame-of"><option value="scene">whole scene</option>
<option value="animal">close-up</option></select></label>
<label>cameras <select id="cameras"><option value="none">none</option>
<option value="direction">brought near</option>
<option value="place">in place</option></select></label>
<label>uncertainty <select id="uncertainty"></select></label>
<label><input type="checkbox" id="chamber" checked> surroundings</label></div>
<div id="space"></div></section>"""
EVENTS = """<section class="card"><h2>Events</h2><div class="scroll events"><table>
<thead><tr><th>event</th><th>individual</th><th>start, s</th><th>stop, s</th><th>lasts, s</th>
<th>confidence</th></tr></thead><tbody id="event-rows"></tbody></table></div></section>"""


def trajectory_page(
    recording: Recording,
    *,
    max_video_bytes: int = MAX_VIDEO_BYTES,
    progress: Progress | None = None,
) -> str:
    """Return the viewer of a recording as one self-contained HTML page.

    Videos are inside as long as they fit into `max_video_bytes` and few of their frames are left
    out; longer ones are played from where `recording.links` say that they lie. `#frame=120` at the
    end of the page's address opens it at that frame number of the first view.
    """
    recording, stride = thin(recording)
    main = recording.main
    numbers = {
        str(view): main["frame"].sel(view=view).values.astype(np.int64)
        for view in main["view"].values
    }
    if stride > STUTTER:
        note = f"Without videos inside: of so long a recording, every {stride}th frame is shown."
        clips = Clips(files={}, note=note)
    else:
        clips = make_clips(recording.videos, numbers, max_video_bytes, progress)
    sources = signal_sources(recording)
    figures: dict[str, go.Figure] = {
        "series": figure_signals(one_a_row(sources[0][1]), main["time"].values, recording.events)
    }
    if recording.trajectories is not None:
        options = SceneOptions(
            skeleton=recording.skeleton,
            rig=recording.rig,
            surroundings=recording.surroundings,
            uncertainty=True,
        )
        figures["scene"] = figure_trajectory_3d(recording.trajectories, options=options)
    return render(
        Page(
            kind=f"{recording.project} · recording".removeprefix(" · "),
            title=recording.name,
            subtitle=_subtitle(recording, stride),
            numbers=_header(recording, stride),
            body=_body(recording, clips),
            figures=figures,
            data=recording_data(recording, clips, sources),
            scripts=[f"viewer/{name}.js" for name in SCRIPTS],
            styles=("page.css", "viewer.css"),
        )
    )


def dataset_page(dataset: xr.Dataset, *, title: str, skeleton: Skeleton | None = None) -> str:
    """Return the viewer of one dataset alone, trajectories or detections."""
    if kind_of(dataset) is TRAJECTORIES:
        return trajectory_page(Recording(name=title, trajectories=dataset, skeleton=skeleton))
    return trajectory_page(Recording(name=title, detections=dataset, skeleton=skeleton))


def _subtitle(recording: Recording, stride: int) -> str:
    """Return the line under the title: what is shown, and what was left out."""
    main = recording.main
    parts = [
        f"{main.sizes['view']} view{'s' if main.sizes['view'] != 1 else ''}",
        f"{main.sizes['keypoint']} keypoints",
    ]
    if main.sizes["individual"] > 1:
        parts.append(f"{main.sizes['individual']} individuals")
    if recording.skeleton is not None:
        parts.append(recording.skeleton.name)
    if stride > 1:
        parts.append(f"every {stride}th moment shown")
    return " · ".join(parts)


def _header(recording: Recording, stride: int) -> list[Number]:
    """Return the numbers of the header."""
    main = recording.main
    fps = float(main.attrs["fps"])
    n_times = main.sizes["time"]
    seconds = float(main["time"].values[-1] - main["time"].values[0]) + stride / fps
    numbers = [
        Number(label="moments", value=f"{n_times:,}"),
        Number(label="duration", value=number_text(seconds, 3, "s")),
        Number(label="frames a second", value=f"{fps:g}"),
    ]
    found = np.isfinite(main["position"].values).all(axis=main["position"].dims.index("space"))
    what = "reconstructed" if recording.trajectories is not None else "detected"
    numbers.append(Number(label=what, value=f"{100 * found.mean():.1f} %"))
    if recording.trajectories is not None:
        errors = main["reprojection_error"].values
        median = float(np.nanmedian(errors)) if np.isfinite(errors).any() else np.nan
        numbers.append(Number(label="median reprojection", value=number_text(median, 3, "px")))
    if recording.events is not None:
        for kind, count in recording.events["event"].value_counts(sort=False).items():
            numbers.append(Number(label=in_words(kind), value=str(count)))
    return numbers


def _body(recording: Recording, clips: Clips) -> str:
    """Return the HTML of the viewer's panels; the scripts fill them."""
    scene = SCENE if recording.trajectories is not None else ""
    missing = recording.main.attrs.get("missing_frames")
    linked = [view for view in recording.links if view not in clips.files]
    notes = [_linked_note(recording, linked) if linked else clips.note]
    notes += [f"Videos cut off or damaged. {escape(str(missing))}"] if missing else []
    note = "".join(f'<p class="note">{text}</p>' for text in notes if text)
    return f"""
<div class="transport card">
  <button id="play" type="button" title="play or pause (space)" aria-label="play">▶</button>
  <input id="slider" type="range" min="0" value="0" step="1" aria-label="moment">
  <output id="readout"></output>
  <label>speed <select id="speed"></select></label>
</div>
<div class="stage{"" if scene else " flat"}">
{scene}
<section class="card panel" id="views-panel"><div class="bar"><h2>Views</h2>
  <span class="key-note"><i class="ring"></i>detected
  {'<i class="dot"></i>reprojected' if scene else ""}</span>
  <label><input type="checkbox" id="overlay" checked> overlay</label></div>{note}
  <div id="views"></div></section>
</div>
<section class="card"><div class="bar"><h2>Over time</h2>
  <label id="source-label">from <select id="source"></select></label>
  <label>position <select id="coordinate"></select></label>
  <label id="individual-label">individual <select id="individual"></select></label></div>
  <div id="signals" class="chips" role="group" aria-label="signals"></div>
  <div id="chips" class="chips" role="group" aria-label="keypoints"></div>
  <div id="series-box"><div id="series"></div><div id="cursor"></div></div>
</section>
{EVENTS if recording.events is not None and len(recording.events) else ""}
<p class="help">← → one moment · shift ten · home, end · space plays · click curves and events to go
there, drag zooms the time · wheel zooms a view, drag moves it, double click resets</p>"""


def _linked_note(recording: Recording, linked: Sequence[str]) -> str:
    """Return the sentence, as HTML, that leads to videos which are not inside the page."""
    links = ", ".join(
        f'<a href="{escape(recording.links[view])}">{escape(view)}</a>' for view in linked
    )
    return f"Too long to be inside this page; played from the files beside it: {links}."
