"""The job on a cluster that is running: submitted from here, or by ``flink run``."""

from __future__ import annotations

import contextlib
import dataclasses
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from config import Configuration, load
from jobs import resume, savepoints
from jobs.cluster import archives, submitted
from jobs.cluster.about import About, name_of
from jobs.cluster.changes import changes
from jobs.cluster.rest import Cluster, split_address
from jobs.cluster.running import jobs, left_behind
from jobs.cluster.sending import Sending, send
from jobs.embedded import check_topics, ends_of
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
    archive: str | None,
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
        The interpreter of the workers, on the cluster's machines, with tidemark installed; None: this one's path, or
        that of the archive.
    archive
        With the environment of the workers; None: the cluster's machines have one.
    bounded
        Read topics up to their present end.
    tell
        Gets lines for people.

    Returns
    -------
    str
        The job's id; of one that runs already under the same configuration, which is left alone.

    Raises
    ------
    UsageError, JobError, BrokerError, ProfileError, SetupError
    """
    if archive is not None:
        archives.check(archive)
        archive = str(Path(archive).absolute())
    to = split_address(cluster)
    there = Cluster(cluster)
    there.check_version()
    plan = loaded.plan
    known = [job for job in jobs(there) if job.name == name_of(plan.job)]
    for job in known:
        if job.ended:
            continue
        if savepoint is None and not fresh and changes(job.about, About.of(load_references(plan))).nothing:
            tell(f"job {job.name} runs there already, under the same configuration")
            return job.id
        message = (
            f"flink {cluster}: job {job.name} runs there already ({job.id}), and two would write everything twice; "
            "change it with 'tidemark upgrade', or end it with 'tidemark stop'"
        )
        raise UsageError(message)
    bounded = is_bounded(loaded) or bounded
    restore, ends = savepoint, None
    if not fresh and savepoint is None:
        restore = _newest(savepoints.folder(plan.job))
        if restore is not None:
            ends = resume.check(savepoints.folder(plan.job), plan, bounded=bounded, restore=restore)
        elif known:
            restore = left_behind(there, known[0])
    elif savepoint is not None:
        with contextlib.suppress(OSError, ImportError):  # it may be on the cluster's machines alone
            ends = resume.check(savepoints.folder_of(savepoint), plan, bounded=bounded, restore=savepoint)
    if restore is not None:
        tell(f"goes on from {restore}")
    sending = _prepared(loaded, bounded=bounded, ends=ends)
    sending = dataclasses.replace(sending, to=to, restore=restore, fresh=fresh, python=python, archive=archive or "")
    job_id = send(sending)
    resume.note_if_possible(savepoints.folder(plan.job), plan, sending.ends)
    submitted.keep_if_possible(sending.references, job_id)
    return job_id


def submit_here(arguments: Namespace) -> None:
    """Submit the job to wherever ``flink run`` was told."""
    loaded = load(arguments.config)
    sending = _prepared(loaded, bounded=is_bounded(loaded) or arguments.bounded, ends=None)
    print(send(sending))  # noqa: T201 - a main


def is_bounded(loaded: Configuration) -> bool:
    """Whether the job ends by itself, as its files do."""
    return all(source.path is not None for source in loaded.plan.sources)


def _newest(where: str) -> str | None:
    try:
        return savepoints.latest_checkpoint(where)
    except (ImportError, OSError) as error:
        message = f"{where}: cannot be read from here ({error}); say where to go on with --from-savepoint, or --fresh"
        raise UsageError(message) from error


def _prepared(loaded: Configuration, *, bounded: bool, ends: Ends | None) -> Sending:
    references = load_references(loaded.plan)
    check_topics(loaded)
    if ends is None and bounded:
        ends = ends_of(loaded)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    return Sending(references, kafka=kafka, bounded=bounded, ends=ends)
