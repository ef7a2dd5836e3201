"""`tidemark list`: Tidemark's jobs on a Flink cluster."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer

from tidemark.cluster_options import DEFAULT, ClusterOption
from tidemark.options import AsJson
from tidemark.printing import columns


def list(
    cluster: ClusterOption = None,
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List Tidemark's jobs on a Flink cluster.

    With name, state, since when, records per second, last checkpoint, configuration and models.

    Example: tidemark list --cluster localhost:8081
    """
    from jobs.cluster.health import Health, ask_for_metrics, look
    from jobs.cluster.rest import Cluster
    from jobs.cluster.running import jobs

    asked = Cluster(cluster or DEFAULT)
    ask_for_metrics(asked)
    found = [look(asked, job, briefly=True) for job in jobs(asked) if ended or not job.ended]
    if as_json:
        print(json.dumps([msgspec.to_builtins(job) for job in found]))
        return
    if not found:
        print(f"no jobs of Tidemark's on {asked.address}")
        return

    def row(job: Health) -> tuple[str, ...]:
        rate = job.records_per_s
        return (
            f"{job.environment}/{job.name}",
            job.state,
            job.since,
            "-" if rate is None else f"{rate:,.0f}",
            job.checkpoints.last or "none",
            job.configuration.removeprefix("sha256:")[:12],
            " ".join(job.models),
        )

    head = ("job", "state", "since", "records/s", "last checkpoint", "configuration", "models")
    print(*columns([head, *map(row, found)]), sep="\n")
