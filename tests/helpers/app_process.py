"""The app as a user starts it: a process of its own, which can be killed and started again."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from labcut3d.cli import main; main()", "app"]


class AppProcess:
    """The app on a project at one port, over as many starts as one likes."""

    def __init__(self, project: Path) -> None:
        self.project = project
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None
        self.login = ""

    @property
    def address(self) -> str:
        """Where the app is found, without the token."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "AppProcess":
        """Start the app and wait for the address that it prints."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
        self.process = subprocess.Popen(
            [*COMMAND, str(self.project), "--port", str(self.port), "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        told = ""
        for line in self.process.stdout:
            told += line
            if found := re.search(r"http://\S+/login\?token=\S+", line):
                self.login = found.group()
                return self
        raise AssertionError(f"the app did not start: {told}")

    def kill(self) -> None:
        """End the process at once, as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None
