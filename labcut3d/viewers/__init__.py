"""From datasets, rigs and reports to plotly figures and self-contained HTML pages."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from labcut3d.viewers.calibration_figures import figure_pair_coverage, figure_residuals
    from labcut3d.viewers.calibration_report import calibration_page
    from labcut3d.viewers.detector_page import Judged, evaluation_page, training_page
    from labcut3d.viewers.learning_page import learning_curve_page
    from labcut3d.viewers.recording import Recording
    from labcut3d.viewers.rig_figure import figure_rig
    from labcut3d.viewers.time_series import figure_time_series
    from labcut3d.viewers.trajectory_figure import figure_trajectory_3d
    from labcut3d.viewers.trajectory_viewer import dataset_page, trajectory_page
    from labcut3d.viewers.verdict import Finding, Verdict, judge_calibration

__all__ = [
    "Finding",
    "Judged",
    "Recording",
    "Verdict",
    "calibration_page",
    "dataset_page",
    "evaluation_page",
    "figure_pair_coverage",
    "figure_residuals",
    "figure_rig",
    "figure_time_series",
    "figure_trajectory_3d",
    "judge_calibration",
    "learning_curve_page",
    "training_page",
    "trajectory_page",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
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
