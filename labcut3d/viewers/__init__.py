"""From datasets, rigs and reports to plotly figures and self-contained HTML pages."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from labcut3d.viewers.animated_figure import view
    from labcut3d.viewers.calibration_figures import figure_pair_coverage, figure_residuals
    from labcut3d.viewers.calibration_report import calibration_page
    from labcut3d.viewers.detector_page import Judged, evaluation_page, training_page
    from labcut3d.viewers.learning_page import learning_curve_page
    from labcut3d.viewers.quality import Quality, judge_recording
    from labcut3d.viewers.quality_report import (
        figure_point_uncertainty,
        figure_reconstructed,
        figure_view_errors,
        quality_page,
    )
    from labcut3d.viewers.recording import Recording
    from labcut3d.viewers.rig_figure import figure_rig
    from labcut3d.viewers.surroundings import Surroundings, chamber_surroundings
    from labcut3d.viewers.time_series import figure_time_series
    from labcut3d.viewers.trajectory_figure import SceneOptions, figure_trajectory_3d
    from labcut3d.viewers.trajectory_viewer import dataset_page, trajectory_page
    from labcut3d.viewers.verdict import Finding, Verdict, judge_calibration

__all__ = [
    "Finding",
    "Judged",
    "Quality",
    "Recording",
    "SceneOptions",
    "Surroundings",
    "Verdict",
    "calibration_page",
    "chamber_surroundings",
    "dataset_page",
    "evaluation_page",
    "figure_pair_coverage",
    "figure_point_uncertainty",
    "figure_reconstructed",
    "figure_residuals",
    "figure_rig",
    "figure_time_series",
    "figure_trajectory_3d",
    "figure_view_errors",
    "judge_calibration",
    "judge_recording",
    "learning_curve_page",
    "quality_page",
    "training_page",
    "trajectory_page",
    "view",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "view": "labcut3d.viewers.animated_figure",
        "chamber_surroundings": "labcut3d.viewers.surroundings",
        "Surroundings": "labcut3d.viewers.surroundings",
        "SceneOptions": "labcut3d.viewers.trajectory_figure",
        "Quality": "labcut3d.viewers.quality",
        "judge_recording": "labcut3d.viewers.quality",
        "quality_page": "labcut3d.viewers.quality_report",
        "figure_view_errors": "labcut3d.viewers.quality_report",
        "figure_reconstructed": "labcut3d.viewers.quality_report",
        "figure_point_uncertainty": "labcut3d.viewers.quality_report",
        "Finding": "labcut3d.viewers.verdict",
        "Judged": "labcut3d.viewers.detector_page",
        "Recording": "labcut3d.viewers.recording",
        "Verdict": "labcut3d.viewers.verdict",
        "calibration_page": "labcut3d.viewers.calibration_report",
        "dataset_page": "labcut3d.viewers.trajectory_viewer",
        "evaluation_page": "labcut3d.viewers.detector_page",
        "figure_pair_coverage": "labcut3d.viewers.calibration_figures",
        "figure_residuals": "labcut3d.viewers.calibration_figures",
        "figure_rig": "labcut3d.viewers.rig_figure",
        "figure_time_series": "labcut3d.viewers.time_series",
        "figure_trajectory_3d": "labcut3d.viewers.trajectory_figure",
        "judge_calibration": "labcut3d.viewers.verdict",
        "learning_curve_page": "labcut3d.viewers.learning_page",
        "training_page": "labcut3d.viewers.detector_page",
        "trajectory_page": "labcut3d.viewers.trajectory_viewer",
    },
)
