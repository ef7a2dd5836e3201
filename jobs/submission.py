"""The job on a cluster that is running: submitted from here, or by ``flink run``."""

from __future__ import annotations

import socket
from argparse import Namespace
from pathlib import Path

from config import Configuration, load
from jobs import jars, positions
from jobs.embedded import check_topics, ends_of
from jobs.failures import job_errors
from jobs.monitor import Setting, build
from jobs.runtime import configuration, prepare_process
from operators.profiles.profile_files import load_references
from schemas.errors import JobError, UsageError

ANSWER_WITHIN_S = 5.0  # a JobManager answers in milliseconds; names and tunnels take a second


def submit(loaded: Configuration, cluster: str, *, savepoint: str | None, python: str | None, bounded: bool) -> str:
    """Submit the job and leave it there.

    Parameters
    ----------
    cluster
        ``HOST:PORT`` of the JobManager's REST address.
    savepoint
        To go on from.
    python
        The interpreter of the workers, on the cluster's machines, with tidemark installed; None: this one's path.
    bounded
        Read topics up to their present end.

    Returns
    -------
    str
        The job's id.

    Raises
    ------
    UsageError, JobError, BrokerError, ProfileError, SetupError
    """
    host, _, port = cluster.rpartition(":")
    if not host or not port.isdigit():
        message = f"--cluster: '{cluster}' is not HOST:PORT, the JobManager's REST address (as localhost:8081)"
        raise UsageError(message)
    try:
        socket.create_connection((host, int(port)), ANSWER_WITHIN_S).close()
    except OSError as error:
        message = f"flink {cluster}: no JobManager answered ({error.strerror or error}); is the cluster running?"
        raise JobError(message) from None
    more: dict[str, object] = {"execution.target": "remote", "rest.address": host, "rest.port": int(port)}
    with job_errors(f"job {loaded.plan.job.name}"):
        return _execute(loaded, bounded=bounded, savepoint=savepoint, python=python, more=more)


def submit_here(arguments: Namespace) -> None:
    """Submit the job to wherever ``flink run`` was told."""
    loaded = load(arguments.config)
    print(_execute(loaded, bounded=arguments.bounded, savepoint=None, python=None, more={}))  # noqa: T201 - a main


def _execute(
    loaded: Configuration, *, bounded: bool, savepoint: str | None, python: str | None, more: dict[str, object]
) -> str:
    import sys

    plan = loaded.plan
    references = load_references(plan)
    check_topics(loaded)
    prepare_process()
    import pyflink
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway

    bounded = bounded or all(s.path is not None for s in plan.sources)
    ends = ends_of(loaded) if bounded else {}
    begun = positions.take(savepoint) if bounded and savepoint is not None else {}
    interpreter = python or sys.executable
    found = [jars.kafka_connector()] if loaded.kafka is not None else []
    if more:
        # What runs Python functions in Flink; `flink run` adds it by itself.
        found += sorted(Path(pyflink.__file__).parent.glob("opt/flink-python-*.jar"))
    options = {"python.executable": interpreter, "python.client.executable": sys.executable, **more}
    flink = configuration(plan.job, bounded=bounded, embedded=False, jars=found, restore=savepoint, more=options)
    if more:
        # PyFlink's own way makes a cluster inside this process, whatever the target is.
        java = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
        env = StreamExecutionEnvironment(java(flink._j_configuration))
    else:
        env = StreamExecutionEnvironment.get_execution_environment(flink)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    build(env, references, Setting(bounded=bounded, ends=ends, positions=begun, kafka=kafka))
    return str(env.execute_async(plan.job.name).get_job_id())
