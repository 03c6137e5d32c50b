"""From datasets, rigs and reports to plotly figures and self-contained HTML pages."""

from labcut3d.viewers.calibration_figures import figure_pair_coverage, figure_residuals
from labcut3d.viewers.calibration_page import calibration_page
from labcut3d.viewers.detector_page import evaluation_page, training_page
from labcut3d.viewers.recording import Recording
from labcut3d.viewers.rig_figure import figure_rig
from labcut3d.viewers.time_series import figure_time_series
from labcut3d.viewers.trajectory_figure import figure_trajectory_3d
from labcut3d.viewers.trajectory_page import dataset_page, trajectory_page
from labcut3d.viewers.verdict import Finding, Verdict, judge_calibration

__all__ = [
    "Finding",
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
    "training_page",
    "trajectory_page",
]
