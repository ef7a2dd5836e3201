"""Which of Tidemark's jobs there are on a cluster, and finding one by its configuration, its name or its id."""

from __future__ import annotations

from dataclasses import dataclass

from config.plan import JobPlan
from jobs.cluster.about import About, name_of, read
from jobs.cluster.rest import ENDED, Cluster
from schemas.errors import JobError

SHORT = 4  # characters of an id: fewer tell little


@dataclass(frozen=True)
class Running:
    """A job of Tidemark's.

    Attributes
    ----------
    state
        As Flink calls it: RUNNING, RESTARTING, FINISHED and so on.
    since_ms
        When it was submitted.
    """

    id: str
    state: str
    since_ms: int
    about: About

    @property
    def name(self) -> str:
        """Environment and name."""
        return self.about.name

    @property
    def ended(self) -> bool:
        """Whether it is over, for good or bad."""
        return self.state in ENDED


def jobs(cluster: Cluster) -> list[Running]:
    """All jobs of Tidemark's that the cluster knows, those that have ended too, the newest first."""
    found = []
    for job in cluster.get("/jobs/overview")["jobs"]:
        settings = cluster.find(f"/jobs/{job['jid']}/config") or {}
        about = read(settings.get("execution-config", {}).get("user-config", {}))
        if about is not None:
            found.append(Running(job["jid"], job["state"], job["start-time"], about))
    return sorted(found, key=lambda job: -job.since_ms)


def find(cluster: Cluster, wanted: str | JobPlan) -> Running:
    """The job that is meant: one that runs, or else the one that ended last.

    Parameters
    ----------
    wanted
        What its configuration says of it; or its name, ENVIRONMENT/NAME, or the beginning of its id.

    Raises
    ------
    JobError
        There is none, or there are several.
    """
    known = jobs(cluster)
    if isinstance(wanted, JobPlan):
        shown = name_of(wanted)
        meant = [job for job in known if job.name == shown]
    else:
        shown = wanted
        meant = [job for job in known if wanted in (job.name, job.about.plan.job.name)]
        meant = meant or [job for job in known if len(wanted) >= SHORT and job.id.startswith(wanted)]
    names = {job.name for job in meant}
    if len(names) > 1:
        message = f"job '{shown}': there are several ({', '.join(sorted(names))}); give ENVIRONMENT/NAME"
        raise JobError(message)
    if not meant:
        there = ", ".join(sorted({job.name for job in known if not job.ended})) or "none"
        message = f"flink {cluster.address}: there is no job '{shown}' (running: {there}); 'tidemark submit' starts one"
        raise JobError(message)
    return next((job for job in meant if not job.ended), meant[0])


def running(cluster: Cluster, wanted: str | JobPlan) -> Running:
    """As `find`, of those that have not ended.

    Raises
    ------
    JobError
        There is none.
    """
    job = find(cluster, wanted)
    if job.ended:
        message = f"flink {cluster.address}: job {job.name} has ended ({job.state}); 'tidemark submit' starts it again"
        raise JobError(message)
    return job


def left_behind(cluster: Cluster, job: Running) -> str | None:
    """State that a job left when it ended, as far as the cluster remembers; None of one that came to its own end."""
    latest = (cluster.find(f"/jobs/{job.id}/checkpoints") or {}).get("latest", {})
    saved = [latest.get("savepoint"), latest.get("completed") if job.state != "FINISHED" else None]
    newest = max((one for one in saved if one), key=lambda one: int(one["trigger_timestamp"]), default=None)
    return None if newest is None else str(newest["external_path"])
