"""`tidemark status`: how a job on a Flink cluster is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import typer

from tidemark.cluster_options import ClusterOption, Job, meant
from tidemark.options import AsJson

if TYPE_CHECKING:
    from jobs.cluster.health import Health, SourceHealth


def status(job: Job, cluster: ClusterOption = None, as_json: AsJson = False) -> None:
    """Show how a job on a Flink cluster is: checkpoints, lag, restarts, and what became of its records.

    The exit status is 0 if it runs and its state is saved, and 1 if not, with the problems named. What may pass, as a
    lag after a restart, is a note and no problem. Records are counted since the job's workers began.

    Example: tidemark status monitors.yaml --cluster localhost:8081
    """
    from jobs.cluster.health import ask_for_metrics, look
    from jobs.cluster.rest import Cluster
    from jobs.cluster.running import find

    wanted, address = meant(job, cluster)
    asked = Cluster(address)
    ask_for_metrics(asked)
    found = look(asked, find(asked, wanted))
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        print(*lines(found), sep="\n")
    if not found.healthy:
        raise typer.Exit(1)


def lines(job: Health) -> Iterator[str]:
    """All of it for people."""
    yield f"{job.environment}/{job.name}: {'healthy' if job.healthy else 'NOT HEALTHY'}"
    yield from (f"  problem: {problem}" for problem in job.problems)
    yield from (f"  note: {note}" for note in job.notes)
    yield f"  state          {job.state} since {job.since}, parallelism {job.parallelism}"
    yield f"  job            {job.id} on {job.cluster} (Flink {job.flink}), submitted by tidemark {job.release}"
    yield f"  configuration  {job.configuration}"
    yield f"  models         {', '.join(job.models)}"
    yield f"  evaluated      {f'up to {job.evaluated}' if job.evaluated else 'nothing yet'}"
    yield f"  checkpoints    {_checkpoints(job)}"
    yield f"  restarts       {job.restarts}{f', last failure {job.failed}: {job.failure}' if job.failure else ''}"
    if job.busy is not None and job.held_back is not None:
        yield f"  load           {job.busy:.0%} of the busiest operator's time, held back {job.held_back:.0%}"
    for source in job.sources:
        yield f"  source         {source.name} ({source.of}): {_source(source)}"


def _checkpoints(job: Health) -> str:
    told = job.checkpoints
    if told.last is None:
        return f"none yet, {told.failed} failed"
    size = "" if told.bytes is None else f", {told.bytes:,} bytes"
    return f"{told.completed} completed, {told.failed} failed; last {told.last} in {told.took_ms} ms{size}"


def _source(source: SourceHealth) -> str:
    parts = [f"read {source.read:,}", f"dead {source.dead:,}", f"late {source.late:,}"]
    if source.kind != "labels":  # what becomes of those is counted by model
        parts.insert(1, f"used {source.used:,}")
    if source.ignored:
        parts.append(f"ignored {source.ignored:,}")
    if source.records_per_s is not None:
        parts.append(f"{source.records_per_s:,.0f} a second")
    if source.behind is not None:
        parts.append(f"{source.behind:,} behind")
    return ", ".join(parts)
