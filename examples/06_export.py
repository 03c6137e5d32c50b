"""Trajectories for pandas, R, OpenSim and NWB: `python examples/06_export.py WALK.NC OUT`.

WALK.NC is any trajectories.nc. Each format keeps something and loses something; `labcut3d formats`
lists both.
"""

import sys
from pathlib import Path

import pandas as pd

from labcut3d import open_dataset, pipeline
from labcut3d.formats import read_dataset

walk, out = sys.argv[1], Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for name in ("walk.csv", "walk.trc", "walk.parquet"):  # the ending tells the format
    pipeline.export_files([walk], out / name)
pipeline.export_files([walk], out / "walk_movement.nc", to="movement")

table = pd.read_csv(out / "walk.csv")
lengths = [name for name in table.columns if name.startswith("sd_")]
print(table.groupby("keypoint")[lengths].median().round(3).to_string())

before, after = open_dataset(walk)["position"], read_dataset(out / "walk.parquet")["position"]
print(f"largest difference after a round trip: {abs(after - before).max().item():g} mm")
