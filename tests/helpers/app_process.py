"""The app on one project, which can be killed and started again at the same address."""

import socket
from pathlib import Path

from running_app import RunningApp


class AppProcess:
    """The app at one port, over as many starts as one likes."""

    def __init__(self, project: Path) -> None:
        self.project = project
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.running: RunningApp | None = None

    @property
    def address(self) -> str:
        """Where the app is found, without the token."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def login(self) -> str:
        """The address that lets one browser in."""
        assert self.running is not None
        return self.running.address

    def start(self) -> "AppProcess":
        """Start the app and wait until it listens."""
        self.running = RunningApp(self.project, "--port", self.port)
        return self

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.running is not None:
            self.running.kill()
            self.running = None
