"""What triangulating tells: repairs, and where individuals are doubtful."""

from pathlib import Path

import numpy as np
from notes import Notes

from labcut3d.schema import open_dataset, save_dataset
from labcut3d.stages.reconstructing import triangulate_files
from labcut3d.synthetic_group import make_group
from labcut3d.synthetic_rig import make_rig


def test_repaired_and_doubtful_identities_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rig = make_rig(4, rng)
    detections = make_group(rig, 2, 120, rng).detections
    detections["position"][50:100] = np.nan
    detections["confidence"][50:100] = 0.0
    save_dataset(detections, tmp_path / "detections.nc")
    listener = Notes()
    result = triangulate_files(
        [str(tmp_path / "detections.nc")], rig, tmp_path / "trajectories.nc", reporter=listener
    )
    told = "\n".join(listener.notes)
    assert "identity switches repaired, most in view cam" in told
    assert "exchanged at 1 moments, first at 3.33 s" in told
    stored = open_dataset(result)
    assert stored["identity_doubtful"].values[100].any()
    assert stored["detected_as"].sizes == {"time": 120, "view": 4, "individual": 2}
