"""Trajectories for pandas, R, OpenSim and NWB: `python examples/06_export.py WALK.NC OUT`.

WALK.NC is any trajectories.nc. Each format keeps something and loses something; `labcut3d formats`
lists both.
"""

import sys
from pathlib import Path

import pandas as pd

from labcut3d import open_dataset
from labcut3d.formats import Export, read_dataset, write_dataset

walk, out = open_dataset(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for name in ("walk.csv", "walk.trc", "walk.parquet"):
    write_dataset(Export(dataset=walk), out / name)
write_dataset(Export(dataset=walk), out / "walk_movement.nc", "movement")

table = pd.read_csv(out / "walk.csv")
lengths = [name for name in table.columns if name.startswith("sd_")]
print(table.groupby("keypoint")[lengths].median().round(3).to_string())

again = read_dataset(out / "walk.parquet")
print(f"largest difference after a round trip: {abs(again['position'] - walk['position']).max():g}")
