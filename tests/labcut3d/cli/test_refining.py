"""`labcut3d refine` as a user types it; what it does is tested with the stage."""

from types import SimpleNamespace

import numpy as np


def judged(mean):
    summary = dict.fromkeys(("mean", "rms", "median", "p95", "within", "coverage"), mean)
    return SimpleNamespace(
        tolerance=5.0,
        summary=lambda: {"labels": 7, **summary},
        calibration_error=lambda: 0.1,
        covariance_ratio=lambda: np.nan,
    )


def test_the_errors_before_and_after_are_shown(tmp_path, labcut3d, monkeypatch):
    assert labcut3d("new", "bugs", "--views", "left,right", cwd=tmp_path)[0] == 0
    asked = []

    def refine(project, recordings, *, count, seed, reporter):
        asked.append((project.name, recordings, count, seed))
        return {"": SimpleNamespace(before=judged(2.5), after=judged(1.25), better=True)}

    monkeypatch.setattr("labcut3d.pipeline.refine", refine)
    status, text = labcut3d("refine", "bugs", "walk", "--count", 12, "--seed", 3)
    assert (status, asked) == (0, [("bugs", ["walk"], 12, 3)])
    assert "2.5" in text
    assert "1.25" in text
    assert "labcut3d reconstruct" in text
    assert "refinement.html" in text


def test_a_project_that_is_not_ready_is_one_sentence(tmp_path, labcut3d):
    labcut3d("new", "bugs", "--views", "left,right", cwd=tmp_path)
    status, text = labcut3d("refine", "bugs")
    assert status == 1
    assert "Traceback" not in text
    assert "labcut3d calibrate bugs" in text
