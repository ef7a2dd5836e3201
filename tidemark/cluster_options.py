"""Which cluster, and which of its jobs: what the commands about running jobs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config import load
from config.plan import JobPlan

DEFAULT = "localhost:8081"  # Flink's own
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="HOST:PORT",
        help=f"The JobManager's REST address; else `job.cluster` of the configuration, else {DEFAULT}.",
    ),
]
ArchiveOption = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="FILE",
        help="Environment of the workers (.tar.gz, .zip with bin/python), where the cluster's machines have none.",
    ),
]
Job = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="A configuration file, or the name, ENVIRONMENT/NAME or id of a job.", show_default=False
    ),
]


def meant(job: str, cluster: str | None) -> tuple[str | JobPlan, str]:
    """What to look for on which cluster."""
    if Path(job).suffix not in (".yaml", ".yml") and not Path(job).is_file():
        return job, cluster or DEFAULT
    plan = load(job).plan.job
    return plan, address(plan, cluster)


def address(plan: JobPlan, cluster: str | None) -> str:
    """Of the cluster that a command is about."""
    return cluster or plan.cluster or DEFAULT
