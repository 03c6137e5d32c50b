"""How exact will my cameras be? A simulation: `python examples/05_simulated_rig.py OUT`.

Everything is known of a simulated scene, so that what is reconstructed can be held against the
truth: by how much it errs, and what it says that it errs by (root mean square, so a little more).
"""

import sys
from pathlib import Path

import numpy as np

from labcut3d import save_dataset
from labcut3d.reconstruction.trajectories import reconstruct
from labcut3d.synthetic import make_scene

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
scene = make_scene(1, n_cameras=4, n_times=200)
walk = reconstruct(scene.detections, scene.rig, skeleton=scene.skeleton)

found = walk["position"].isel(individual=0).transpose("time", "keypoint", "space").values
covariance = walk["covariance"].isel(individual=0).transpose("time", "keypoint", ...).values
errors = found - scene.position
stated = np.sqrt(np.trace(covariance, axis1=-2, axis2=-1))
print(f"error: median {np.nanmedian(np.linalg.norm(errors, axis=-1)):.3f} {walk.unit}")
print(f"stated: median {np.nanmedian(stated):.3f} {walk.unit}")

save_dataset(walk, out / "walk.nc")
scene.rig.save(out / "rig.toml")
print(f"-> {out / 'walk.nc'}")
