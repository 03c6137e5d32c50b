"""A worker that tells what a test wrote, and waits where it says so."""

import time
from threading import Event


class ScriptedWorker:
    """Tells `lines`, then ends with `status`; with `waits`, only once it is let go or ended."""

    def __init__(self, lines=(), status=0, printed="", waits=False):
        self.script = [{"time": time.time(), **line} for line in lines]
        self.status, self.printed = status, printed
        self.go, self.begun, self.ended = Event(), Event(), False
        if not waits:
            self.go.set()

    def lines(self):
        self.begun.set()
        yield from self.script
        self.go.wait(10)

    def wait(self):
        return (-15 if self.ended else self.status), self.printed

    def end(self):
        self.ended = True
        self.go.set()


class Workers:
    """Starts the workers of `scripts` in order; `started` lists the jobs that they were for."""

    def __init__(self, *workers):
        self.waiting, self.started = list(workers), []

    def __call__(self, root, job, printed):
        self.started.append(job)
        return self.waiting.pop(0)


def wait_until(true, seconds=10):
    """Wait until a condition holds; fail when it takes longer."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)
