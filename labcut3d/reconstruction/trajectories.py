"""From a dataset of detections and a rig to a dataset of trajectories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from calibration.covariance import RigCovariance
from calibration.geometry import Array
from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.progress import Progress, part_of
from labcut3d.reconstruction.association import detections_of, match_views
from labcut3d.reconstruction.commons import Commons
from labcut3d.reconstruction.evidence import Evidence
from labcut3d.reconstruction.identification import identify
from labcut3d.reconstruction.identities import Identities, reordered
from labcut3d.reconstruction.individual import track_individual
from labcut3d.reconstruction.motion import motion_variables
from labcut3d.reconstruction.report import Report
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.reconstruction.settling import settled_rig, without_share
from labcut3d.reconstruction.tracks import Context, Tracks
from labcut3d.schema import make_trajectories, validate_detections
from labcut3d.skeleton import Skeleton
from labcut3d.windows import LEARNT, SIZE, Window, divided, stretches

__all__ = ["reconstruct", "reconstruct_pieces"]


def reconstruct(
    detections: xr.Dataset,
    rig: Rig,
    settings: ReconstructionSettings | None = None,
    *,
    skeleton: Skeleton | None = None,
    rig_covariance: RigCovariance | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Return the trajectories of all individuals: triangulated, then refined.

    `position_raw` is each moment's own robust triangulation, `position` the refined track, NaN
    where it would be a guess. A view counts by the covariance and confidence of its detections and
    by how well it agrees with the other views, the neighbouring moments and the `skeleton`. The
    attributes that begin with `refinement_` say how much was altered. With `rig_covariance`, the
    covariance includes the calibration's part, which is also told apart, in the frame that it holds
    fixed.

    Raises `DatasetError` for detections of a wrong schema, or of views that the rig lacks.
    """
    pieces = list(
        reconstruct_pieces(
            detections,
            rig,
            settings,
            skeleton=skeleton,
            rig_covariance=rig_covariance,
            progress=progress,
        )
    )
    if len(pieces) == 1:
        return pieces[0]
    whole = xr.concat(pieces, "time", data_vars="minimal", coords="minimal", compat="override")
    return whole.assign_attrs(pieces[-1].attrs)


def reconstruct_pieces(
    detections: xr.Dataset,
    rig: Rig,
    settings: ReconstructionSettings | None = None,
    *,
    skeleton: Skeleton | None = None,
    rig_covariance: RigCovariance | None = None,
    progress: Progress | None = None,
    size: int = SIZE,
    learnt: int = LEARNT,
) -> Iterator[xr.Dataset]:
    """Yield what `reconstruct` returns, piece by piece in time, for which memory does not grow.

    `detections` may be open on disk. Recordings of more than `learnt` moments are reconstructed in
    pieces of `size` moments, with what so many of their moments teach; where they are divided
    changes points by less than a millionth of the scene. The attributes of a piece are those of all
    until its end: the last one's are the recording's.
    """
    validate_detections(detections)
    for name in ("time", "individual", "keypoint"):
        if detections.sizes[name] == 0:
            raise DatasetError(f"the detections hold no {name}: nothing to reconstruct")
    settings = settings or ReconstructionSettings()
    keypoints = [str(name) for name in detections["keypoint"].values]
    bones, pairs = _skeleton_indices(skeleton, keypoints, settings)
    whole = _Reconstruction(
        detections=detections,
        rig=match_views(detections, rig),
        individuals=[str(name) for name in detections["individual"].values],
        context=Context(
            settings=settings,
            bones=bones,
            pairs=pairs,
            fps=float(detections.attrs["fps"]),
            rig_covariance=rig_covariance,
            progress=part_of(None, 0, 1),
        ),
    )
    yield from whole.pieces(progress, size, learnt)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reconstruction:
    """The reconstruction of one recording: its detections, and what every part of it needs."""

    detections: xr.Dataset
    rig: Rig
    individuals: list[str]
    context: Context

    def pieces(self, progress: Progress | None, size: int, learnt: int) -> Iterator[xr.Dataset]:
        """Yield the trajectories, piece by piece."""
        moments, context = self.detections.sizes["time"], self.context
        sample = stretches(moments, learnt)
        whole = len(sample) == moments
        margin = context.margin
        windows = divided(moments, moments if whole else size, margin)
        identities = identify(self.detections, self.rig, context.settings, windows)
        report = Report(unit=self.rig.unit, fps=context.fps, moments=moments)
        report.identities(identities)
        told = part_of(progress, 0, 1 if whole else len(windows) + 1, equal=True)
        teaching = context if whole else replace(context, rig_covariance=None)
        evidences = self._evidences(self._matched(identities, slice(None) if whole else sample))
        share = settled_rig(evidences, context.rig_covariance)
        evidences = [without_share(one, share) for one in evidences]
        commons = [Commons() for _ in self.individuals]
        tracks = self._tracks(evidences, commons, replace(teaching, progress=told))
        report.learnt(tracks)
        if whole:
            yield self._piece(windows[0], identities, tracks, report)
            return
        del tracks
        for index, window in enumerate(windows, start=1):
            told = part_of(progress, index, len(windows) + 1, equal=True)
            evidences = self._evidences(self._matched(identities, window.around))
            evidences = [without_share(one, share) for one in evidences]
            recalled = [one.recalled() for one in commons]
            tracks = self._tracks(evidences, recalled, replace(context, progress=told))
            inside = [track.within(window.inside) for track in tracks]
            yield self._piece(window, identities, inside, report)

    def _matched(self, identities: Identities, which: slice | np.ndarray) -> xr.Dataset:
        """Return the detections of some moments, each individual the same animal in all views."""
        part = self.detections.isel(time=which).load()
        return reordered(part, identities.detected_as[which]) if identities.matched else part

    def _evidences(self, detections: xr.Dataset) -> list[Evidence]:
        """Return the detections of each individual as evidence."""
        lowest = self.context.settings.lowest_confidence
        return [detections_of(detections, self.rig, name, lowest) for name in self.individuals]

    def _tracks(
        self, evidences: list[Evidence], commons: Sequence[Commons], context: Context
    ) -> list[Tracks]:
        """Return the tracks of all individuals; `evidences` is emptied, whose memory is needed."""
        tracks = []
        for index, (name, own) in enumerate(zip(self.individuals, commons, strict=True)):
            part = part_of(context.progress, index, len(commons), name, equal=True)
            evidence = evidences.pop(0)
            tracks.append(track_individual(evidence, replace(context, progress=part), own))
        return tracks

    def _piece(
        self, window: Window, identities: Identities, tracks: list[Tracks], report: Report
    ) -> xr.Dataset:
        """Return the trajectories of a window's own moments, and count them in the report."""
        detected = self.detections.isel(time=window.own).load()
        matched = self._matched(identities, window.own)
        used = np.moveaxis(_stack(tracks, "view_used", -1), 0, 1)
        report.piece(tracks, window.own.start)
        report.rejections(detected, matched, used)
        attributes = report.attributes
        optional = {
            "exchanged": _stack(tracks, "exchanged", -1).swapaxes(0, 1),
            **identities.variables(window.own),
        }
        if self.context.settings.smooth:
            time = self.detections["time"].values.astype(float)
            motions = [track.motion for track in tracks]
            optional |= motion_variables(motions, _rates(time)[window.own])
        if (rig_covariance := self.context.rig_covariance) is not None:
            optional["covariance_calibration"] = _stack(tracks, "calibration", 2)
            attributes["calibration_gauge"] = rig_covariance.gauge
        return make_trajectories(
            position=_stack(tracks, "position", -1).swapaxes(1, 2),
            position_raw=_stack(tracks, "raw", -1).swapaxes(1, 2),
            covariance=_stack(tracks, "covariance", 2),
            reprojection_error=_stack(tracks, "error", -1),
            view_used=used,
            confidence=_stack(tracks, "confidence", -1),
            like=detected,
            unit=self.rig.unit,
            optional=optional,
            attrs=attributes,
        )


def _skeleton_indices(
    skeleton: Skeleton | None, keypoints: Sequence[str], settings: ReconstructionSettings
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return bones and left/right pairs as indices into the detected keypoints."""
    if skeleton is None:
        return [], []

    def indices(pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
        """Return the pairs whose two keypoints were both detected."""
        there = [pair for pair in pairs if pair[0] in keypoints and pair[1] in keypoints]
        return [(keypoints.index(a), keypoints.index(b)) for a, b in there]

    return (
        indices(skeleton.bones) if settings.bones else [],
        indices(skeleton.left_right) if settings.repair_swaps else [],
    )


def _rates(time: Array) -> Array:
    """Return the frames per second (time,) about each moment, NaN at the first and the last."""
    rate = np.full(len(time), np.nan)
    rate[1:-1] = 2 / (time[2:] - time[:-2])
    return rate


def _stack(tracks: Sequence[Tracks], name: str, axis: int) -> Array:
    """Stack one array of all individuals along a new axis."""
    return np.stack([getattr(track, name) for track in tracks], axis=axis)
