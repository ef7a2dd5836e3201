"""`tidemark submit`: the job on a Flink cluster that is running."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from config import load
from tidemark.options import Config


def submit(
    config: Config,
    cluster: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The JobManager's REST address.", show_default=False)
    ],
    from_savepoint: Annotated[
        str | None, typer.Option(metavar="S", help="Go on from this savepoint or checkpoint.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Python of the workers, with tidemark installed; else the path of this one."),
    ] = None,
    bounded: Annotated[bool, typer.Option("--bounded", help="Read topics up to their present end.")] = False,
) -> None:
    """Submit the monitors of a configuration to a running Flink 2.3 cluster, and leave them there.

    Prints the job's id. The machines of the cluster need a Python with tidemark[flink] installed, and paths in the
    configuration (checkpoints, file sources and sinks) have to be theirs too.

    Example: tidemark submit monitors.yaml --cluster localhost:8081
    """
    from jobs.submission import submit as send

    loaded = load(config)
    for line in loaded.unavailable:
        print(line, file=sys.stderr)
    print(send(loaded, cluster, savepoint=from_savepoint, python=python, bounded=bounded))
