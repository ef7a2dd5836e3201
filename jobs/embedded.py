"""The job on a Flink cluster inside this process: started, followed, and stopped so that the next run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config import Configuration
from config.plan import Plan
from jobs import folders, gateway, jars, positions, profiles, resume, savepoints, sinks, topics
from jobs.failures import Faults, job_errors
from jobs.monitor import Setting, build, slots
from jobs.runtime import configuration, prepare_process
from jobs.topics import Ends
from jobs.totals import Totals, read_totals
from operators.decisions import control
from operators.profiles.profile_files import load_references
from operators.reading.files import list_paths
from schemas.errors import BrokerError, JobError

LOOK_S = 0.2  # between two looks at the job: shorter costs the JVM calls, longer delays Ctrl-C


def run(
    loaded: Configuration,
    *,
    bounded: bool,
    fresh: bool,
    tell: Callable[[str], object],
    until: Callable[[], bool] = lambda: False,
    on_totals: Callable[[Totals], object] = lambda totals: None,
) -> Totals:
    """Run the job until its input ends, it is interrupted, or ``until`` says so.

    Parameters
    ----------
    loaded
        A configuration that is right.
    bounded
        Read topics up to their present end.
    fresh
        Begin anew instead of going on from the last savepoint or checkpoint.
    tell
        Gets lines for people.

    Raises
    ------
    BrokerError, ProfileError, DataError, SetupError, JobError, UsageError
    """
    plan = loaded.plan
    references = load_references(plan)
    check_files(plan)
    for model in plan.models:
        profiles.check(model)
    check_topics(loaded)
    bounded = bounded or all(s.path is not None for s in plan.sources)
    where = savepoints.folder(plan.job)
    restore = None if fresh else savepoints.latest_checkpoint(where)
    ends = None if restore is None else resume.check(where, plan, bounded=bounded, restore=restore)
    report = report_of(loaded)
    folders.make(where, "job.checkpoints.dir")
    folders.make(str(report.parent), "totals of the run")
    for path in _files(plan):
        folders.make(str(sinks.parts_of(path).parent), "sinks")
    prepare_process()
    from pyflink.datastream import StreamExecutionEnvironment

    if fresh:
        forget(loaded)
    if ends is None and bounded:
        ends = ends_of(loaded)
    resume.note(where, plan, ends)
    taken: positions.Positions = {}
    if restore is not None:
        tell(f"goes on from {restore}")
        with job_errors(f"state {restore}"):
            taken = positions.take(restore) if bounded else {}
    report.unlink(missing_ok=True)
    uses_kafka = loaded.kafka is not None
    flink = configuration(
        plan.job,
        bounded=bounded,
        slots=slots(references),
        jars=[jars.kafka_connector(tell)] if uses_kafka else [],
        restore=restore,
    )
    env = StreamExecutionEnvironment.get_execution_environment(flink)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    setting = Setting(
        bounded=bounded,
        ends=ends or {},
        positions=taken,
        fresh=fresh,
        kafka=kafka,
        report=str(report),
        slots=slots(references),
    )
    with job_errors(f"job {plan.job.name}"):
        build(env, references, setting)
        client = env.execute_async(plan.job.name)
    try:
        _follow(plan.job.name, client, until, tell, lambda: on_totals(read_totals(report)))
    except KeyboardInterrupt:
        tell("stopping with a savepoint")
        stopped = savepoints.stop_with_savepoint(client, where)
        tell(f"stopped; the next run goes on from {stopped}")
        return read_totals(report)
    if bounded:
        for path in _files(plan):
            sinks.gather(path)
        # What has come to its end has nothing to go on from: another run reads everything again.
        savepoints.drop(where)
    return read_totals(report)


def report_of(loaded: Configuration) -> Path:
    """Where a run on this machine keeps its totals."""
    job = loaded.plan.job
    return loaded.directory / ".tidemark" / "runs" / job.environment / f"{job.name}.json"


def ends_of(loaded: Configuration) -> Ends:
    """Where its topics end now."""
    if loaded.kafka is None:
        return {}
    read = {s.topic for s in (*loaded.plan.sources, loaded.plan.control) if s is not None and s.topic is not None}
    return topics.ends(loaded.kafka.client_settings(), read)


def forget(loaded: Configuration) -> None:
    """Remove the state of earlier runs, and the parts of files that belong to it."""
    savepoints.drop(savepoints.folder(loaded.plan.job))
    _remove_parts(loaded.plan)


def check_files(plan: Plan) -> None:
    """Whether the files to read are there; DataError where there is none."""
    for source in plan.sources:
        if source.path is not None:
            list_paths(source.path)
    if plan.control is not None and plan.control.path is not None:
        control.lines(plan.control.path)


def check_topics(loaded: Configuration) -> None:
    """Whether the brokers answer and the topics to read are there; those to write are made."""
    if loaded.kafka is None:
        return
    client = loaded.kafka.client_settings()
    present = topics.partitions(client)
    for source in loaded.plan.sources:
        if source.topic is not None and source.topic not in present:
            there = ", ".join(sorted(present)) or "none"
            message = f"sources.{source.name}: there is no topic '{source.topic}' (there are: {there})"
            raise BrokerError(message)
    for made in (loaded.plan.events, loaded.plan.summaries, loaded.plan.dead_letters, loaded.plan.control):
        if made is not None and made.topic is not None:
            topics.ensure_topic(client, made.topic)


def _follow(
    name: str, client: Any, until: Callable[[], bool], tell: Callable[[str], object], look: Callable[[], object]
) -> None:
    """Wait for the job's end; its cluster goes with it."""
    faults = Faults(client)
    with job_errors(f"job {name}"):
        ended = client._j_job_client.getJobExecutionResult()
        while not ended.isDone():
            look()
            if (failure := faults.look()) is not None:
                if failure.again:
                    savepoints.cancel(client)
                    message = f"job {name}: {failure.cause}; more in {gateway.logs()}"
                    raise JobError(message)
                tell(f"job {name}: {failure.cause}; it goes on from its last checkpoint")
            if until():
                savepoints.cancel(client)
                return
            time.sleep(LOOK_S)
        ended.get()


def _files(plan: Plan) -> list[str]:
    """The files that the job's messages go to."""
    written = (plan.events, plan.summaries, plan.dead_letters)
    return [sink.path for sink in written if sink is not None and sink.path is not None]


def _remove_parts(plan: Plan) -> None:
    for path in _files(plan):
        sinks.remove_parts(path)
