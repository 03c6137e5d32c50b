"""A fly lays eggs, four cameras, three recordings: `python examples/02_fly_chamber.py DATA OUT`.

DATA is the folder fly_chamber. Trains on the 50 labelled moments of recording0, reconstructs all
three recordings and compares them with the truth, as `labcut3d demo` does with its sample.
"""

import shutil
import sys
from pathlib import Path

from labcut3d import pipeline
from labcut3d.demo import make_demo, measure
from labcut3d.progress import SILENT

data, out = Path(sys.argv[1]), Path(sys.argv[2])
project = make_demo(out)
for name in ("calibration", "recordings", "labels", "truth"):
    shutil.rmtree(out / name)
    shutil.copytree(data / name, out / name, copy_function=shutil.copyfile)

pipeline.calibrate_project(project)
pipeline.train(project)
for recording in project.recordings():
    pipeline.reconstruct(project, [recording], SILENT)
    measured = measure(project, recording)
    print(recording, *(f"{name}: {value}" for name, value in measured.rows()), sep="\n  ")
