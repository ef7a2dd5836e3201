"""Runs a Flink job and watches it from outside: how many records it has taken in, and the processor time of it all."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import urlopen

import msgspec

from benchmarks import processes
from benchmarks.steady import Sample
from config.plan import JobPlan
from jobs import jars, savepoints
from jobs.failures import job_errors
from jobs.runtime import configuration, prepare_process

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment

LOOK_S = 0.1  # between two samples: a bundle takes several times that; each costs the JVM half a millisecond
MOVES_WITHIN_S = 120.0  # without progress a run is given up; to start takes 5-10 s, under load several times that
ANSWERS_WITHIN_S = 30.0

Build = Callable[["StreamExecutionEnvironment"], None]


class Counter(msgspec.Struct, frozen=True):
    """The number of a job that tells how far it is."""

    operator: str  # part of its name
    metric: str
    each: float = 1.0  # records that one stands for


class Job:
    """A job on an embedded cluster, with the options that Tidemark runs with.

    Parameters
    ----------
    job : JobPlan
        Its parallelism and checkpoints.
    build : callable
        Puts the graph into an environment.
    folder : Path
        For checkpoints and logs.
    more : dict, optional
        Other options.
    """

    def __init__(self, job: JobPlan, build: Build, folder: Path, more: dict[str, object] | None = None) -> None:
        prepare_process(folder / "flink")
        from pyflink.datastream import StreamExecutionEnvironment
        from pyflink.java_gateway import get_gateway

        port = _free_port()
        watched: dict[str, object] = {
            "rest.bind-port": port,
            "metrics.fetcher.update-interval": int(LOOK_S * 500),
            "execution.checkpointing.dir": (folder / "checkpoints").absolute().as_uri(),
        }
        options = configuration(job, bounded=False, jars=[jars.kafka_connector()], more=watched | (more or {}))
        env = StreamExecutionEnvironment.get_execution_environment(options)
        build(env)
        self.jvm = int(get_gateway().jvm.java.lang.ProcessHandle.current().pid())
        self._client = env.execute_async(job.name)
        self._url = f"http://localhost:{port}/jobs/{self._client.get_job_id()}"

    @property
    def workers(self) -> list[int]:
        """Its Python processes."""
        return [pid for pid in processes.session(self.jvm) if processes.is_worker(pid)]

    def samples(self, counter: Counter, records: int) -> Iterator[Sample]:
        """Sample it until all records are counted or it has ended, then stop it."""
        numbers: list[tuple[str, str]] = []
        ended = self._client._j_job_client.getJobExecutionResult()
        done, moved_s = 0, time.monotonic()
        with job_errors("benchmark"):
            while not ended.isDone() and done < records:
                time.sleep(LOOK_S)
                numbers = numbers or self._numbers(counter)
                now = int(sum(self._number(*number) for number in numbers) * counter.each)
                at_s = time.monotonic()
                if now > done:
                    done, moved_s = now, at_s
                elif at_s - moved_s > MOVES_WITHIN_S:
                    message = f"no progress for {MOVES_WITHIN_S:.0f} s after {done:,} of {records:,} records"
                    raise TimeoutError(message)
                yield Sample(at_s, done, sum(map(processes.cpu_s, processes.session(self.jvm))))
            if ended.isDone():
                ended.get()  # raises what it failed of
            savepoints.cancel(self._client)

    def _numbers(self, counter: Counter) -> list[tuple[str, str]]:
        found = []
        for vertex in self._get("")["vertices"]:
            path = f"/vertices/{vertex['id']}/subtasks/metrics"
            for known in self._get(path):
                operator, _, metric = known["id"].rpartition(".")
                if counter.operator in operator and metric == counter.metric:
                    found.append((path, quote(known["id"], safe="")))
        return found

    def _number(self, path: str, name: str) -> int:
        found = self._get(f"{path}?get={name}&agg=sum")
        return int(found[0]["sum"]) if found else 0

    def _get(self, path: str) -> Any:
        with urlopen(self._url + path, timeout=ANSWERS_WITHIN_S) as answer:
            return json.load(answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
