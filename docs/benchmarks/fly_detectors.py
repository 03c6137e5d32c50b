"""Detectors of fly_chamber on a recording they have not seen: shared by all views, or one a view.

    python docs/benchmarks/fly_detectors.py [views|none] [SETTING=VALUE ...]

Trained on the 50 labelled moments of recording0, judged on every tenth moment of recording1 by the
exact places of all visible keypoints. The labels have 0.7 px of hand jitter, the places none.
"""

import sys
import time

from common import show
from detectors import COLUMNS, figures
from labelled_sets import CHAMBER_VIEWS, fly_chamber, fly_chamber_truth

from labcut3d.detection.evaluation import Evaluation, evaluate
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.training import train_detector
from labcut3d.tables import parse_table


def main() -> None:
    """Print the figures of each way."""
    given = [one for one in sys.argv[1:] if "=" not in one]
    pairs = (one.split("=") for one in sys.argv[1:] if "=" in one)
    settings = parse_table(DetectorSettings, dict(pairs), "command line")
    (images, skeleton), truth = fly_chamber(), fly_chamber_truth("recording1")
    rows = []
    for share in given or ("views", "none"):
        parts, training = [], 0.0
        for group in [CHAMBER_VIEWS] if share == "views" else [(view,) for view in CHAMBER_VIEWS]:
            started = time.perf_counter()
            shown = [image for image in images if image.view in group]
            detector, _ = train_detector(shown, skeleton, settings)
            training += time.perf_counter() - started
            parts.append(evaluate(detector, [image for image in truth if image.view in group]))
        found = Evaluation.join(parts)
        rows.append((f"share = {share}", *figures(found, training)))
        print(*rows[-1], flush=True)
        print(found.table().query("view == 'all'").to_string(), flush=True)
    show("fly_chamber, recording1", ("detectors", *COLUMNS), rows)


if __name__ == "__main__":
    main()
