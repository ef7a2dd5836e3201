"""A job sent to a cluster: its graph is built here, from the plan and profiles alone, and runs there."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from config.plan import Plan
from jobs import jars, positions
from jobs.cluster import about, archives, rewiring
from jobs.cluster.about import About
from jobs.failures import job_errors
from jobs.monitor import Setting, build
from jobs.runtime import configuration, flink_configuration, prepare_process, recovery
from jobs.topics import Ends
from operators.profiles.references import JobReferences

if TYPE_CHECKING:
    from pyflink.datastream import StreamExecutionEnvironment


@dataclass(frozen=True)
class Sending:
    """What is to be sent.

    Attributes
    ----------
    to
        Host and port of the JobManager; None: wherever ``flink run`` was told.
    kafka
        Properties of the Java client, with its secrets.
    restore
        The savepoint or checkpoint to go on from.
    before
        The plan that this was made under, where that has other sources.
    claim
        Whether that belongs to the job from then on, which deletes it in time.
    drop
        Whether state that finds no operator may be left behind.
    python
        The interpreter of the workers; None: that of the archive, or this one's path.
    archive
        With the environment of the workers, see archives.py; "": their machines have one.
    """

    references: JobReferences
    to: tuple[str, int] | None = None
    kafka: Mapping[str, str] = field(default_factory=dict)
    bounded: bool = False
    ends: Ends | None = None
    restore: str | None = None
    before: Plan | None = None
    claim: bool = True
    drop: bool = False
    fresh: bool = False
    python: str | None = None
    archive: str = ""


def send(sending: Sending) -> str:
    """Send a job, and give its id.

    Raises
    ------
    JobError, SetupError
    """
    return _sent(_built(sending), sending)


def _built(sending: Sending) -> StreamExecutionEnvironment:
    """The job's graph, but for what it goes on from."""
    plan = sending.references.plan
    prepare_process()
    import pyflink
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway

    begun = positions.take(sending.restore) if sending.bounded and sending.restore is not None else {}
    found = [jars.kafka_connector()] if sending.kafka else []
    python = sending.python or (archives.PYTHON if sending.archive else sys.executable)
    more: dict[str, object] = {
        "python.executable": python,
        "python.client.executable": sys.executable,
        about.OPTION: about.option(About.of(sending.references, python, sending.archive)),
        **(archives.options(sending.archive) if sending.archive else {}),
    }
    if sending.to is not None:
        # What runs Python functions in Flink; `flink run` adds it by itself.
        found += sorted(Path(pyflink.__file__).parent.glob("opt/flink-python-*.jar"))
        host, port = sending.to
        more |= {"execution.target": "remote", "rest.address": host, "rest.port": port}
    flink = configuration(plan.job, bounded=sending.bounded, embedded=False, jars=found, more=more)
    if sending.to is not None:
        # PyFlink's own way makes a cluster inside this process, whatever the target is.
        java = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
        env = StreamExecutionEnvironment(java(flink._j_configuration))
    else:
        env = StreamExecutionEnvironment.get_execution_environment(flink)
    setting = Setting(
        bounded=sending.bounded,
        ends=sending.ends or {},
        positions=begun,
        since=_since(sending),
        fresh=sending.fresh,
        kafka=sending.kafka,
    )
    with job_errors(f"job {plan.job.name}"):
        build(env, sending.references, setting)
    return env


def _sent(env: StreamExecutionEnvironment, sending: Sending) -> str:
    plan, restore = sending.references.plan, sending.restore
    with job_errors(f"job {plan.job.name}"):
        if restore is not None:
            rewiring.check_owner(restore, plan)
            env.configure(flink_configuration(recovery(restore, claim=sending.claim, drop=sending.drop)))
            if sending.before is not None:
                graph = env._j_stream_execution_environment.getStreamGraph(False).getJobGraph()
                rewiring.rewire(restore, sending.before, plan, graph)
        return str(env.execute_async(plan.job.name).get_job_id())


def _since(sending: Sending) -> dict[int, int]:
    """Where sources begin that join a job: with its oldest open pane."""
    if sending.restore is None or sending.before is None:
        return {}
    plan, evaluated_ms = sending.references.plan, rewiring.evaluated_ms(sending.restore)
    if evaluated_ms is None or evaluated_ms < 0:
        return {}
    pane_ms = plan.job.pane_ms
    return dict.fromkeys(rewiring.added(sending.before, plan), (evaluated_ms + 1) // pane_ms * pane_ms)


class Apart:
    """A process for one job: a second graph's operators would have other ids than the first's in the same process.

    As a context manager. It is made ready before it is needed, so that the time from a stop to a start is short.
    """

    def __enter__(self) -> Apart:
        self._process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.shutdown()

    def make_ready(self, sending: Sending) -> None:
        """Start Flink's client there, and put the job together as far as it does not depend on what it goes on from."""
        self._process.submit(_ready, sending).result()

    def send(self, sending: Sending) -> str:
        """As the function, once: what it was made ready for, but for what it goes on from."""
        return self._process.submit(_send, sending).result()


_built_before: list[StreamExecutionEnvironment] = []  # in the process apart: the job that it was made ready for


def _ready(sending: Sending) -> None:
    prepare_process()
    import pyflink.datastream
    import pyflink.table  # noqa: F401 - takes seconds

    if sending.before is None and not sending.bounded:  # where sources begin is known
        _built_before.append(_built(sending))


def _send(sending: Sending) -> str:
    return _sent(_built_before.pop(), sending) if _built_before else send(sending)
