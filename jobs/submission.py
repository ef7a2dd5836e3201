"""The job on a cluster that is running: submitted from here, or by ``flink run``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from config import Configuration, load
from jobs import jars, positions, resume, savepoints
from jobs.cluster import about
from jobs.cluster.about import About, name_of
from jobs.cluster.rest import Cluster, split_address
from jobs.cluster.running import jobs, left_behind
from jobs.embedded import check_topics, ends_of
from jobs.failures import job_errors
from jobs.monitor import Setting, build
from jobs.runtime import configuration, prepare_process
from jobs.topics import Ends
from operators.profiles.profile_files import load_references
from schemas.errors import UsageError


def submit(
    loaded: Configuration,
    cluster: str,
    *,
    savepoint: str | None,
    fresh: bool,
    python: str | None,
    bounded: bool,
    tell: Callable[[str], object],
) -> str:
    """Submit the job and leave it there.

    Parameters
    ----------
    cluster
        ``HOST:PORT`` of the JobManager's REST address.
    savepoint
        To go on from; None: from the last savepoint or checkpoint there is.
    fresh
        Begin anew instead.
    python
        The interpreter of the workers, on the cluster's machines, with tidemark installed; None: this one's path.
    bounded
        Read topics up to their present end.
    tell
        Gets lines for people.

    Returns
    -------
    str
        The job's id.

    Raises
    ------
    UsageError, JobError, BrokerError, ProfileError, SetupError
    """
    host, port = split_address(cluster)
    there = Cluster(cluster)
    there.check_version()
    plan = loaded.plan
    known = [job for job in jobs(there) if job.name == name_of(plan.job)]
    for job in known:
        if not job.ended:
            message = (
                f"flink {cluster}: job {job.name} runs there already ({job.id}), and two would write everything twice; "
                "end it with 'tidemark stop'"
            )
            raise UsageError(message)
    restore, ends = savepoint, None
    if not fresh and savepoint is None:
        restore = _newest(savepoints.folder(plan.job))
        if restore is not None:
            ends = resume.check(savepoints.folder(plan.job), plan, bounded=is_bounded(loaded, bounded))
        elif known:
            restore = left_behind(there, known[0])
    if restore is not None:
        tell(f"goes on from {restore}")
    more: dict[str, object] = {"execution.target": "remote", "rest.address": host, "rest.port": port}
    with job_errors(f"job {plan.job.name}"):
        return _execute(loaded, bounded=bounded, ends=ends, restore=restore, fresh=fresh, python=python, more=more)


def _newest(where: str) -> str | None:
    try:
        return savepoints.latest_checkpoint(where)
    except (ImportError, OSError) as error:
        message = f"{where}: cannot be read from here ({error}); say where to go on with --from-savepoint, or --fresh"
        raise UsageError(message) from error


def submit_here(arguments: Namespace) -> None:
    """Submit the job to wherever ``flink run`` was told."""
    loaded = load(arguments.config)
    print(_execute(loaded, bounded=arguments.bounded, ends=None, restore=None, fresh=False, python=None, more={}))  # noqa: T201 - a main


def is_bounded(loaded: Configuration, bounded: bool) -> bool:
    """Whether a run ends by itself: because it is told to, or as its files do."""
    return bounded or all(source.path is not None for source in loaded.plan.sources)


def _execute(
    loaded: Configuration,
    *,
    bounded: bool,
    ends: Ends | None,
    restore: str | None,
    fresh: bool,
    python: str | None,
    more: dict[str, object],
) -> str:
    import sys

    plan = loaded.plan
    references = load_references(plan)
    check_topics(loaded)
    prepare_process()
    import pyflink
    from pyflink.datastream import StreamExecutionEnvironment
    from pyflink.java_gateway import get_gateway

    bounded = is_bounded(loaded, bounded)
    if ends is None and bounded:
        ends = ends_of(loaded)
    begun = positions.take(restore) if bounded and restore is not None else {}
    interpreter = python or sys.executable
    found = [jars.kafka_connector()] if loaded.kafka is not None else []
    if more:
        # What runs Python functions in Flink; `flink run` adds it by itself.
        found += sorted(Path(pyflink.__file__).parent.glob("opt/flink-python-*.jar"))
    options = {
        "python.executable": interpreter,
        "python.client.executable": sys.executable,
        about.OPTION: about.option(About.of(references)),
        **more,
    }
    flink = configuration(plan.job, bounded=bounded, embedded=False, jars=found, restore=restore, more=options)
    if more:
        # PyFlink's own way makes a cluster inside this process, whatever the target is.
        java = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
        env = StreamExecutionEnvironment(java(flink._j_configuration))
    else:
        env = StreamExecutionEnvironment.get_execution_environment(flink)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    setting = Setting(bounded=bounded, ends=ends or {}, positions=begun, fresh=fresh, kafka=kafka)
    build(env, references, setting)
    job = str(env.execute_async(plan.job.name).get_job_id())
    resume.note_if_possible(savepoints.folder(plan.job), plan, ends)
    return job
