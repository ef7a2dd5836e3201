"""Runs a Flink job and watches it from outside: how many records it has taken in, and the processor time of it all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import processes
from benchmarks.progress import taken_in
from benchmarks.steady import Sample
from config.plan import JobPlan
from jobs import jars, savepoints
from jobs.failures import job_errors
from jobs.runtime import configuration, prepare_process

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment

LOOK_S = 0.05  # between two samples, each 1 ms of this process; a batch of 10,000 records takes about as long
MOVES_WITHIN_S = 120.0  # without progress a run is given up; to start takes 5-10 s, under load several times that

Build = Callable[["StreamExecutionEnvironment", str], None]


class Job:
    """A job on an embedded cluster, with the options that Tidemark runs with.

    Parameters
    ----------
    job : JobPlan
        Its parallelism and checkpoints.
    build : callable
        Puts the graph into an environment; gets the folder in which its operators tell their progress.
    folder : Path
        For checkpoints, logs and progress.
    more : dict, optional
        Other options.
    slots : int
        For each parallel instance.
    """

    def __init__(
        self, job: JobPlan, build: Build, folder: Path, more: dict[str, object] | None = None, slots: int = 1
    ) -> None:
        prepare_process(folder / "flink")
        from pyflink.datastream import StreamExecutionEnvironment
        from pyflink.java_gateway import get_gateway

        self._progress = folder / f"progress-{time.monotonic_ns()}"
        self._progress.mkdir()
        aside: dict[str, object] = {
            "execution.checkpointing.dir": (folder / "checkpoints").absolute().as_uri(),
            "restart-strategy.type": "none",  # what fails is told at once
        }
        kafka = [jars.kafka_connector()]
        options = configuration(job, bounded=False, slots=slots, jars=kafka, more=aside | (more or {}))
        env = StreamExecutionEnvironment.get_execution_environment(options)
        build(env, str(self._progress))
        self.jvm = int(get_gateway().jvm.java.lang.ProcessHandle.current().pid())
        self._client = env.execute_async(job.name)
        self._seen: set[Path] = set()
        self._checkpoints = folder / "checkpoints"
        self.state: tuple[int, int] | None = None  # records taken in, and bytes of a checkpoint then

    @property
    def workers(self) -> list[int]:
        """Its Python processes."""
        return [pid for pid in processes.session(self.jvm) if processes.is_worker(pid)]

    def samples(self, records: int) -> Iterator[Sample]:
        """Sample it until all records are taken in or it has ended, then stop it.

        Raises
        ------
        JobError
            It failed.
        TimeoutError
            It stands still.
        """
        ended = self._client._j_job_client.getJobExecutionResult()
        done, moved_s = 0, time.monotonic()
        with job_errors("benchmark"):
            while not ended.isDone() and done < records:
                time.sleep(LOOK_S)
                now, at_s = taken_in(self._progress), time.monotonic()
                if now > done:
                    done, moved_s = now, at_s
                    self._look(done)
                elif at_s - moved_s > MOVES_WITHIN_S:
                    message = f"no progress for {MOVES_WITHIN_S:.0f} s after {done:,} of {records:,} records"
                    raise TimeoutError(message)
                yield Sample(at_s, done, sum(map(processes.cpu_s, processes.session(self.jvm))))
            if ended.isDone():
                ended.get()  # raises what it failed of
            savepoints.cancel(self._client)

    def _look(self, done: int) -> None:
        """Note how large a new checkpoint is: all state, of windows as well."""
        for path in self._checkpoints.glob(f"{self._client.get_job_id()}/chk-*/_metadata"):
            if path.parent not in self._seen:
                self._seen.add(path.parent)
                self.state = done, sum(part.stat().st_size for part in path.parent.iterdir())
