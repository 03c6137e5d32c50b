"""DeepLabCut 3's frames a second over a video, for detector_speed.py; run by its own Python.

    PYTHON docs/benchmarks/deeplabcut_speed.py VIDEO FRAMES THREADS

PYTHON is that of an environment with deeplabcut, which cannot share labcut3d's (it wants an older
filelock). Its default network for one animal, bottom up, is built by its own configuration and run
by its own loop over videos, decoding included, with a batch of 1 (its default) and of 8. The
weights are drawn at random: where they come from does not change how long they take. Prints one
JSON object, seconds by batch, [wall, CPU]; loading and a first pass are not counted.
"""

import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import deeplabcut.pose_estimation_pytorch as dlc
import torch
from deeplabcut.pose_estimation_pytorch.config import PoseConfig
from deeplabcut.pose_estimation_pytorch.models import PoseModel

NET = "resnet_50"
BATCHES = (1, 8)
WARM = 4  # frames of the first pass
BODYPARTS = ["snout", "leftear", "rightear", "tailbase"]  # of openfield


class Part(dlc.VideoIterator):
    """The first frames of a video."""

    most = 0

    def __next__(self) -> object:
        if self._index >= self.most:
            raise StopIteration
        return super().__next__()

    def get_n_frames(self, robust: bool = False) -> int:
        """Return how many there are."""
        return self.most


def part(video: str, count: int) -> Part:
    """Return the first `count` frames of a video."""
    frames = Part(video)
    frames.most = count
    return frames


def snapshot(folder: Path) -> tuple[PoseConfig, Path]:
    """Return the network's configuration and a file of weights."""
    project = {
        "Task": "speed",
        "scorer": "nobody",
        "date": "Jan1",
        "multianimalproject": False,
        "identity": False,
        "project_path": str(folder),
        "engine": "pytorch",
        "bodyparts": BODYPARTS,
        "default_net_type": NET,
        "video_sets": {},
    }
    config = PoseConfig.build(project, folder / "pose.yaml", top_down=False, net_type=NET)
    model = PoseModel.build(config.model, pretrained_backbone=False)
    path = folder / "snapshot.pt"
    torch.save({"model": model.state_dict(), "metadata": {"epoch": 0}}, path)
    return config, path


def main() -> None:
    """Print the seconds."""
    video, count, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        config, path = snapshot(Path(name))
        for batch in BATCHES:
            runner = dlc.get_pose_inference_runner(config, path, batch_size=batch, device="cpu")
            dlc.video_inference(part(video, WARM), runner)
            wall, cpu = perf_counter(), process_time()
            found = dlc.video_inference(part(video, count), runner)
            if len(found) != count:
                raise SystemExit(f"{video}: {len(found)} frames of {count} were analysed")
            seconds[str(batch)] = [perf_counter() - wall, process_time() - cpu]
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
