"""From one configuration of a running job to another: with its state, and back again if the new one does not run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Configuration
from config.durations import duration
from jobs import versions
from jobs.cluster import archives, rewiring, submitted
from jobs.cluster.about import About
from jobs.cluster.changes import Changes, changes
from jobs.cluster.health import failures
from jobs.cluster.rest import ENDED, Cluster, split_address
from jobs.cluster.running import Running, running
from jobs.cluster.sending import Apart, Sending
from jobs.embedded import check_topics
from jobs.failures import lasts
from jobs.resume import note_if_possible
from jobs.savepoints import folder
from operators.profiles.profile_files import load_references
from schemas.errors import JobError, TidemarkError, UsageError

LOOK_S = 0.5
TRIES = 3  # failures after which a job is taken not to run: one may be an outage


@dataclass(frozen=True)
class Upgraded:
    """How it went.

    Attributes
    ----------
    job
        The new one's id; None where nothing was to be changed.
    savepoint
        That it goes on from.
    downtime_s
        From the last record that the old one took until all of the new one ran.
    """

    changes: Changes
    job: str | None = None
    savepoint: str | None = None
    downtime_s: float = 0.0

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self.changes.document(),
            "job": self.job,
            "savepoint": self.savepoint,
            "downtime_s": round(self.downtime_s, 1),
        }


def upgrade(
    loaded: Configuration,
    address: str,
    *,
    drop_state: bool,
    within_ms: int,
    python: str | None,
    archive: str | None = None,
    tell: Callable[[str], object],
) -> Upgraded:
    """Let the job that runs go on under another configuration.

    Parameters
    ----------
    drop_state
        Whether state may be lost that does not come back.
    within_ms
        How long the new job may take until it has saved its state.
    python
        The interpreter of the workers; None: that of the job that runs.
    archive
        With their environment; None: that of the job that runs, if it has one.
    tell
        Gets lines for people.

    Raises
    ------
    UsageError
        State would be lost, or the job cannot be upgraded.
    SetupError
        Flink or Python there are of another version.
    JobError
        The new configuration does not run; the message says whether the old one does again.
    """
    cluster = Cluster(address)
    cluster.check_version()
    plan = loaded.plan
    job = running(cluster, plan.job)
    if archive is not None:
        archives.check(archive)
        archive = str(Path(archive).absolute())
    if job.about.archive:
        archives.check(job.about.archive)  # it is sent again, for the way back at least
    elif python is None and archive is None:
        versions.check_interpreter(job.name, job.about.python, job.about.python_version)
    references = load_references(plan)
    found = changes(job.about, About.of(references))
    for line in found.lines():
        tell(line)
    if found.nothing:
        return Upgraded(found)
    _refuse(job, found, drop_state=drop_state)
    before = submitted.find(job.about, job.id)
    if before is None:
        message = (
            f"job {job.name}: the profiles that it was submitted with are not there any more, so there would be no way "
            "back; end it with 'tidemark stop', and start the new one with 'tidemark submit'"
        )
        raise UsageError(message)
    check_topics(loaded)
    kafka = loaded.kafka.java_properties() if loaded.kafka is not None else {}
    old = Sending(
        before, split_address(address), kafka, claim=False, python=job.about.python, archive=job.about.archive
    )
    new = dataclasses.replace(
        old,
        references=references,
        python=python or (None if archive else job.about.python),
        archive=archive or job.about.archive,
        before=job.about.plan if found.sources else None,
        drop=found.leaves,
    )
    with Apart() as apart:
        apart.make_ready(new)
        stopped_s = time.monotonic()
        savepoint = cluster.stop(job.id, job.about.state_folder)
        tell(f"stopped with the savepoint {savepoint}")
        new = dataclasses.replace(new, restore=None if found.impossible else savepoint)
        try:
            sent = _started(cluster, apart, new, within_ms)
        except (TidemarkError, KeyboardInterrupt) as error:
            cause = str(error) or "interrupted"
            tell(f"the new configuration does not run ({cause}); going back to the old one")
            rewiring.undo(savepoint)
            _back(cluster, dataclasses.replace(old, restore=savepoint), within_ms, f"{job.name}: {cause}", savepoint)
            message = f"job {job.name}: {cause}; the old configuration runs again, from {savepoint}"
            raise JobError(message) from error
    downtime_s = sent.ran_s - stopped_s
    note_if_possible(folder(plan.job), plan, None)
    tell(f"runs as {sent.job}, and has saved its state; nothing ran for {downtime_s:.1f} s")
    return Upgraded(found, sent.job, savepoint, downtime_s)


@dataclass(frozen=True)
class _Sent:
    job: str
    ran_s: float  # when all of it ran


def _refuse(job: Running, found: Changes, *, drop_state: bool) -> None:
    if all(source.path is not None for source in job.about.plan.sources):
        message = f"job {job.name}: reads files and ends by itself, so there is nothing to upgrade; submit it again"
        raise UsageError(message)
    if found.harmless or drop_state:
        return
    parts = [f"models.{model} ({', '.join(parts)})" for model, parts in found.lost.items()]
    message = f"job {job.name}: state would be lost: {'; '.join(found.impossible + parts)}; --drop-state allows that"
    raise UsageError(message)


def _started(cluster: Cluster, apart: Apart, sending: Sending, within_ms: int) -> _Sent:
    job = apart.send(sending)
    submitted.keep_if_possible(sending.references, job)
    try:
        return _Sent(job, wait_until_saved(cluster, job, within_ms))
    except BaseException:
        cluster.cancel(job)
        raise


def _back(cluster: Cluster, sending: Sending, within_ms: int, cause: str, savepoint: str) -> None:
    try:
        with Apart() as apart:
            _started(cluster, apart, sending, within_ms)
    except TidemarkError as error:
        message = (
            f"job {cause}; and the old configuration does not run either ({error}): "
            f"submit one of them with --from-savepoint {savepoint}"
        )
        raise JobError(message) from error


def wait_until_saved(cluster: Cluster, job: str, within_ms: int) -> float:
    """Wait until all of a job runs and it has saved its state once.

    Returns
    -------
    float
        When all of it ran, by `time.monotonic`.

    Raises
    ------
    JobError
        It has ended, fails again and again, or takes too long.
    """
    end = time.monotonic() + within_ms / 1000
    ran_s = None
    while True:
        told = cluster.find(f"/jobs/{job}") or {"state": "INITIALIZING", "status-counts": {}}
        tasks = told["status-counts"]
        runs = told["state"] == "RUNNING" and set(filter(tasks.get, tasks)) == {"RUNNING"}
        if runs and ran_s is None:
            ran_s = time.monotonic()
        counts = (cluster.find(f"/jobs/{job}/checkpoints") or {}).get("counts", {})
        if runs and ran_s is not None and counts.get("completed"):
            return ran_s
        why = [reason for _, reason in failures(cluster, job)]
        if told["state"] in ENDED or len(why) >= TRIES or any(map(lasts, why)):
            message = f"it is {told['state']}: {why[0] if why else 'no reason given'}"
            raise JobError(message)
        if time.monotonic() > end:
            waits = "; are there slots enough on the cluster?" if tasks.get("SCHEDULED") else ""
            because = f" ({why[0]})" if why else ""
            message = f"no checkpoint within {duration(within_ms)}{because}{waits}"
            raise JobError(message)
        time.sleep(LOOK_S)
