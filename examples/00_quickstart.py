"""The whole path on the sample that ships with labcut3d: `python examples/00_quickstart.py OUT`.

Makes a project, then does what `labcut3d calibrate`, `train` and `reconstruct` do, and asks the
result a question: how far did the tip of the abdomen travel while the fly laid its egg?
"""

import sys

import numpy as np

import labcut3d as lc
from labcut3d import pipeline
from labcut3d.demo import make_demo
from labcut3d.kinematics.event_tables import read_events

project = make_demo(sys.argv[1] if len(sys.argv) > 1 else "labcut3d-demo")
pipeline.calibrate_project(project)
pipeline.train(project)
pipeline.reconstruct(project, ["recording2"])

results = project.results("recording2")
trajectories = lc.open_dataset(results / "trajectories.nc")
events = read_events(results / "events.csv")
print(events.to_string(index=False))

tip = trajectories["position"].sel(keypoint="ovipositor").isel(individual=0)
bouts = events.loc[events["event"] == "egg_laying", ["start_frame", "stop_frame", "start_s"]]
for start, stop, seconds in bouts.to_numpy():
    steps = np.diff(tip[int(start) : int(stop) + 1].values, axis=0)
    path = np.nansum(np.linalg.norm(steps, axis=1))
    print(f"egg-laying from {seconds:.1f} s: the tip travelled {path:.2f} {trajectories.unit}")
