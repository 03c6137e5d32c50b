"""Placing the chamber: rig.toml, [chamber] -> rig_in_chamber.toml and chamber.html.

The calibrated rig stays as it is. What recordings are reconstructed with is the same rig, and the
same covariance, with each camera's wall.
"""

from dataclasses import asdict, replace
from pathlib import Path

from calibration.boards.board import Board
from calibration.chamber import BoardSpot, Chamber
from calibration.corners.detection import observe
from calibration.covariance import find_covariance
from calibration.files import sha256_of, write_text
from calibration.fitting.placing import PlacedChamber, place_by_board, place_by_corners
from calibration.fitting.walls import RefinedWalls, WallPriors, refine_walls
from calibration.pointfiles import read_clicks
from calibration.rig import Rig
from labcut3d.chamber import ChamberSettings
from labcut3d.errors import ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.stages.aligning import see_board
from labcut3d.stages.common import chamber_record, is_current, load_calibrated_rig, source_hashes
from labcut3d.stages.locking import exclusive
from labcut3d.version import __version__
from labcut3d.video import Frames, require_equal_lengths
from labcut3d.viewers.chamber_page import chamber_page

__all__ = ["place_chamber"]

CLICKS = "chamber/corners.csv"
# How well a box is known before its walls are refined, as parts of its size and thickness.
PLACE, THICKNESS, TILT, INDEX = 0.005, 0.03, 0.01, 0.01


@exclusive
def place_chamber(project: Project, reporter: Reporter = SILENT) -> Path:
    """Find where a project's chamber stands -> results/rig_in_chamber.toml and chamber.html."""
    settings = project.chamber
    if settings is None:
        raise ProjectError(
            f"{project.root / 'project.toml'}: no [chamber]; describe there the box that you film "
            "into (inner, wall, unit, material), see docs/refraction.md"
        )
    rig = load_calibrated_rig(project)
    if settings.unit != rig.unit:
        raise ProjectError(
            f"{project.root / 'project.toml'} [chamber]: unit = '{settings.unit}', but the rig is "
            f"in {rig.unit}; give the chamber's lengths in {rig.unit}"
        )
    boards = settings.board is not None or settings.refine
    sources = project.chamber_sources(rig.names) if boards else {}
    clicks = project.root / CLICKS
    inputs = {
        **source_hashes(sources),
        **({} if settings.board else {CLICKS: sha256_of(_require_clicks(clicks))}),
        "rig": sha256_of(project.rig_path),
        "chamber": fingerprint(settings),
        "board": fingerprint([asdict(project.board)] if project.board else []),
        "version": __version__,
    }
    result = project.filming_rig_path
    if is_current(result, inputs, reporter):
        return result
    chamber = settings.to_chamber()
    if settings.board is None:
        placed = place_by_corners(rig, chamber, read_clicks(clicks, rig.names))
    else:
        placed = _by_board(project, (rig, chamber, settings.board), sources, reporter)
    refined = _refined(project, placed, sources, reporter) if settings.refine else None
    _save(project, placed, refined)
    write_stamp(result, inputs)
    reporter.note(_told(placed, refined, settings))
    return result


def _require_clicks(path: Path) -> Path:
    """Return the file of clicked corners, or say what it must hold."""
    if not path.is_file():
        raise ProjectError(
            f"{path}: no such file; it says where corners of the chamber were clicked, in rows "
            "view,point,x,y such as cam0,inner -x-y-z,312,88; or lay a board on a wall and "
            "describe it in [chamber.board]"
        )
    return path


def _board(project: Project) -> Board:
    """Return the project's board."""
    if project.board is None:
        raise ProjectError(
            f"{project.root / 'project.toml'}: no [board]; describe the board that lies in the "
            "chamber"
        )
    return project.board


def _by_board(
    project: Project,
    box: tuple[Rig, Chamber, BoardSpot],
    sources: dict[str, Frames],
    reporter: Reporter,
) -> PlacedChamber:
    """Return the chamber on whose wall the board lies."""
    rig, chamber, spot = box
    frame = project.chamber.frame if project.chamber else None
    printed, corners, number = see_board(rig, _board(project), sources, frame)
    if frame is None:
        reporter.note(f"The board on the wall is taken from frame {number}")
    return place_by_board(rig, chamber, printed, corners, spot)


def _refined(
    project: Project, placed: PlacedChamber, sources: dict[str, Frames], reporter: Reporter
) -> RefinedWalls:
    """Return the walls that agree best with the board moved about in the box."""
    require_equal_lengths(sources, f"{project.root / 'chamber'}: the videos")
    numbers = {view: frames.numbers.tolist() for view, frames in sources.items()}
    with reporter.task("Looking for the board") as progress:
        printed, seen = observe(_board(project), sources, numbers=numbers, progress=progress)
    chamber = placed.chamber
    priors = WallPriors(
        distance=PLACE * float(chamber.inner.max()) + placed.shift_deviation,
        thickness=THICKNESS * chamber.thickness,
        tilt=TILT + placed.turn_deviation,
        index=INDEX,
    )
    return refine_walls(placed.rig, printed, seen, priors)


def _save(project: Project, placed: PlacedChamber, refined: RefinedWalls | None) -> None:
    """Write the rig in the chamber, with the calibrated rig's covariance, and the page."""
    found = placed.rig if refined is None else refined.rig
    rig = replace(found, metadata={**found.metadata, "chamber": chamber_record(project)})
    # Walls change no parameter of a camera: what is known of them stays what it was.
    covariance = find_covariance(project.rig_path)
    write_text(
        project.filming_rig_path.with_name("chamber.html"),
        chamber_page(project.name, placed, refined),
    )
    rig.save(project.filming_rig_path, covariance)


def _told(placed: PlacedChamber, refined: RefinedWalls | None, settings: ChamberSettings) -> str:
    """Return in words how the chamber was placed."""
    unit, seen = placed.rig.unit, int((placed.distances >= 0).sum())
    how = "a board on its wall" if settings.board else "its corners"
    text = (
        f"The chamber was placed by {how}: {seen} points {placed.misfit:.2f} px off, its place "
        f"known to {placed.shift_deviation:.2g} {unit}; "
        + ", ".join(
            f"{name} looks through {face}"
            for name, face in zip(placed.rig.names, placed.faces, strict=True)
        )
    )
    if refined is None:
        return text
    return f"{text}; boards through its walls {refined.before:.3g} px off, then {refined.after:.3g}"
