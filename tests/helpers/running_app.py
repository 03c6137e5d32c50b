"""The app as a user starts it, and videos short enough to calibrate and train on in a test."""

import os
import re
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av

from labcut3d.video import open_frames

PROGRAM = "from labcut3d.cli import main; main()"


class RunningApp:
    """`labcut3d app` in a process of its own; `address` lets one browser in, `root` is its page."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", PROGRAM, "app", "--no-browser", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
        )
        self.printed = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed += line
            if "To stop" in line:
                break
        found = re.search(r"(http://[^/\s]+)/login\?token=(\S+)", self.printed)
        assert found, self.printed
        self.address, self.root, self.token = found[0], found[1], found[2]

    def kill(self):
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self._rest()

    def stop(self):
        """End it as Ctrl and C would, and return all that it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self._rest()
        return self.printed

    def _rest(self):
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.printed += self.process.stdout.read()
            self.process.stdout.close()
        self.process.wait(30)


def cut_video(source: Path, target: Path, *, every: int = 1, most: int | None = None) -> None:
    """Write every so-many-th frame of a video, at most so many, as a video of its own."""
    frames = open_frames(source)
    indices = list(range(0, len(frames), every))[:most]
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "16"})
        stream.width, stream.height = frames.size
        stream.pix_fmt = "yuv420p"
        for _, image in frames.read(indices):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
