"""Many recordings on many processes: one graph of tasks, which Dask runs here or on a cluster.

    train      ->  recording  ->  plan  ->  a chunk of a view  ->  finish
                                            a chunk of a view  ->
                                            ...
    calibrate  ->                                                  finish

Every task writes files of the project and returns next to nothing, so a worker that is lost costs
the chunk it was at: Dask gives it to another. Whatever a task finds done, it does not do again.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from labcut3d.compute import share_of_cores
from labcut3d.errors import Labcut3dError, ProjectError
from labcut3d.formats.extras import require
from labcut3d.progress import Progress, Recorder, Reporter
from labcut3d.project import Project
from labcut3d.stages.chunking import Chunk, detect_chunk
from labcut3d.stages.detecting import chunks_to_detect

if TYPE_CHECKING:  # of an extra
    from distributed import Client, Future

__all__ = ["Finish", "Stage", "connect", "reconstruct_recordings"]

Finish = Callable[[Project, str, Reporter], None]
Stage = Callable[[Project, Reporter], object]

LOST_WORKERS = 10  # that one task may be running on before it is blamed for their end
ATTEMPTS = 2  # more, where a task fails, as it does when its disk is away for a moment

# A task computes on all cores of its worker: where a worker has several threads, they take turns.
_turn = threading.Lock()


@contextmanager
def connect(workers: int, scheduler: str | None, reporter: Reporter) -> "Iterator[Client]":
    """Yield a client of `workers` new processes of this machine, or of the Dask at `scheduler`.

    The processes share the cores. Raises `ProjectError` where there is no scheduler.
    """
    distributed = require("distributed", "cluster", "several workers and schedulers")
    import dask.config

    with ExitStack() as stack:
        lost = {"distributed.scheduler.allowed-failures": LOST_WORKERS}
        stack.enter_context(dask.config.set(lost))
        if scheduler is None:
            scheduler = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address="127.0.0.1:0",
                    env=share_of_cores(workers),
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            client = stack.enter_context(distributed.Client(scheduler))
        except (OSError, ValueError) as error:
            raise ProjectError(
                f"{scheduler}: no Dask scheduler answers there ({error}); start one (dask "
                "scheduler) and give the address that it prints, such as tcp://10.0.0.5:8786"
            ) from error
        reporter.note(f"Dashboard: {client.dashboard_link}")
        yield client


def reconstruct_recordings(
    client: "Client",
    project: Project,
    recordings: Sequence[str],
    finish: Finish,
    reporter: Reporter,
    *,
    before_detecting: Sequence[Stage] = (),
    before_finishing: Sequence[Stage] = (),
) -> dict[str, str]:
    """Detect in recordings chunk by chunk, and `finish` each; return why some failed, by name.

    `finish` does what is left of a recording, and is a function that workers can import. All
    workers see the project's folder at the same path. The first recordings come first. Stages of
    the project that are needed `before_detecting` in any recording, or `before_finishing` any, are
    tasks as well; where one fails, so do all recordings.
    """
    from distributed import as_completed

    here = replace(project, root=project.root.resolve())
    with closing(_Graph(client, here, finish, reporter)) as graph:
        first = [graph.prepare(stage) for stage in before_detecting]
        others = [graph.prepare(stage) for stage in before_finishing]
        plans = [graph.plan(name, -rank, first, others) for rank, name in enumerate(recordings)]
        flow = as_completed([*first, *others, *plans])
        for future in flow:
            flow.update(graph.follow(future))
        return graph.failed


class _Graph:
    """The tasks under way: what follows when each has ended, and the bars of the recordings."""

    def __init__(
        self, client: "Client", project: Project, finish: Finish, reporter: Reporter
    ) -> None:
        self.failed: dict[str, str] = {}
        self._client, self._project = client, project
        self._finish, self._reporter = finish, reporter
        self._next: dict[Any, Callable[[Future], list[Future]]] = {}
        self._bars = ExitStack()

    def prepare(self, stage: Stage) -> "Future":
        """Return the task of a stage of the whole project."""
        return self._submit(self._tell, 1, _prepare, self._project, stage)

    def plan(
        self, name: str, priority: int, after: "Sequence[Future]", end_after: "Sequence[Future]"
    ) -> "Future":
        """Return the task that divides a recording into chunks, `after` some tasks.

        What comes when its chunks are done waits for those of `end_after`, too.
        """
        divide = partial(self._divide, name, priority, end_after)
        return self._submit(divide, priority, _plan, self._project, name, list(after))

    def follow(self, future: "Future") -> "list[Future]":
        """Return the tasks that follow one that has ended."""
        return self._next.pop(future.key)(future)

    def close(self) -> None:
        """Take the bars away."""
        self._bars.close()

    def _tell(self, prepared: "Future") -> "list[Future]":
        """Tell what a stage of the project told; where it failed, the recordings say why."""
        if prepared.status == "finished":
            prepared.result().replay(self._reporter)
        return []

    def _divide(
        self, name: str, priority: int, end_after: "Sequence[Future]", planned: "Future"
    ) -> "list[Future]":
        """Return the tasks of a recording: its chunks, and what comes when all are done."""
        if self._has_failed(name, planned):
            return []
        bar = _Bar(name, planned.result(), self._reporter, self._bars)
        chunks = [
            self._submit(partial(bar.advance, chunk), priority, _detect, chunk)
            for chunk in bar.chunks
        ]
        end = partial(self._end, name, bar)
        rest = (self._project, name, self._finish, [*chunks, *end_after])
        return [*chunks, self._submit(end, priority, _finish, *rest)]

    def _end(self, name: str, bar: "_Bar", finished: "Future") -> "list[Future]":
        """Tell how a recording ended."""
        bar.close()
        if not self._has_failed(name, finished):
            finished.result().replay(self._reporter)
            self._reporter.note(f"{name} is done")
        return []

    def _has_failed(self, name: str, future: "Future") -> bool:
        """Note why a recording cannot be reconstructed, where a task of it has failed."""
        if future.status == "finished":
            return False
        if future.cancelled():
            self.failed[name] = "the Dask scheduler gave it up; see its log, and run this again"
            return True
        error = future.exception()
        expected = isinstance(error, Labcut3dError | OSError)
        self.failed[name] = str(error) if expected else f"{type(error).__name__}: {error}"
        return True

    def _submit(
        self,
        then: "Callable[[Future], list[Future]]",
        priority: int,
        function: Callable[..., Any],
        *arguments: Any,
    ) -> "Future":
        """Return the future of a task, after which comes what `then` returns."""
        future = self._client.submit(
            function, *arguments, priority=priority, retries=ATTEMPTS, pure=False
        )
        self._next[future.key] = then
        return future


class _Bar:
    """The progress of detecting in a recording, shown from its first chunk to its last."""

    def __init__(
        self, name: str, chunks: Sequence[Chunk], reporter: Reporter, bars: ExitStack
    ) -> None:
        self.chunks = chunks
        self._own = bars.enter_context(ExitStack())
        self._open = partial(reporter.task, f"Detecting in {name}")
        self._progress: Progress | None = None
        self._done, self._total = 0, sum(chunk.stop - chunk.start for chunk in chunks)

    def advance(self, chunk: Chunk, future: "Future") -> "list[Future]":
        """Count a chunk, unless it failed: then so does what follows, which tells it."""
        if future.status == "finished":
            self._progress = self._progress or self._own.enter_context(self._open())
            self._done += chunk.stop - chunk.start
            self._progress(self._done, self._total, chunk.view)
        return []

    def close(self) -> None:
        """Take the bar away."""
        self._own.close()


def _prepare(project: Project, stage: Stage) -> Recorder:
    """Do what the whole project needs, on a worker."""
    with _turn:
        recorder = Recorder()
        stage(project, recorder)
        return recorder


def _plan(project: Project, recording: str, after: Sequence[Any]) -> tuple[Chunk, ...]:
    """Divide a recording into chunks once what comes before, `after`, is done."""
    return chunks_to_detect(project, recording)


def _detect(chunk: Chunk) -> None:
    """Detect in a chunk, on a worker."""
    with _turn:
        detect_chunk(chunk)


def _finish(project: Project, recording: str, finish: Finish, after: Sequence[Any]) -> Recorder:
    """Do what is left of a recording once what comes before, `after`, is done, on a worker."""
    with _turn:
        recorder = Recorder()
        finish(project, recording, recorder)
        return recorder
