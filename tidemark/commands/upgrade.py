"""`tidemark upgrade`: another configuration for a job on a Flink cluster, with the state of the old one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from config import load
from config.durations import milliseconds, option
from schemas.errors import UsageError
from tidemark.cluster_options import ArchiveOption, ClusterOption, address
from tidemark.options import AsJson, Config
from tidemark.printing import tell


def upgrade(
    config: Config,
    cluster: ClusterOption = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would change; changes nothing.")] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="OLD", help="With --check: the configuration to compare with, without any cluster."),
    ] = None,
    drop_state: Annotated[
        bool, typer.Option("--drop-state", help="Go on though state is lost that does not come back.")
    ] = False,
    within: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the job may take until its first checkpoint.")
    ] = "5 min",
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Python of the workers, with tidemark installed; else that of the job that runs."
        ),
    ] = None,
    archive: ArchiveOption = None,
    as_json: AsJson = False,
) -> None:
    """Let a job on a Flink cluster go on under another configuration.

    Says what changes, and which state is kept, begins anew or is lost; stops the job with a savepoint, starts it again
    from there, and waits until it runs and has saved its state. If it does not, the old configuration goes on from the
    savepoint, and the exit status is 1.

    State that does not come back by itself (of a model that is removed, a learned reference, predictions that wait for
    labels) is lost only with --drop-state. With --check the exit status is 1 if that would be needed, else 0: for pull
    requests, with --against OLD and without a cluster.

    Example: tidemark upgrade monitors.yaml --check --against deployed.yaml
    """
    from jobs.cluster.about import About
    from jobs.cluster.changes import changes
    from jobs.cluster.rest import Cluster
    from jobs.cluster.running import running
    from operators.profiles.profile_files import load_references

    loaded = load(config)
    if against is not None and not check:
        message = "--against: is for --check; a job is compared with what it was submitted under"
        raise UsageError(message)
    if check:
        if against is not None:
            old = About.of(load_references(load(against).plan))
        else:
            old = running(Cluster(address(loaded.plan.job, cluster)), loaded.plan.job).about
        found = changes(old, About.of(load_references(loaded.plan)))
        print(json.dumps(found.document()) if as_json else "\n".join(found.lines()))
        if not found.harmless:
            raise typer.Exit(1)
        return
    from jobs.cluster.upgrading import upgrade as go_on

    done = go_on(
        loaded,
        address(loaded.plan.job, cluster),
        drop_state=drop_state,
        within_ms=option("--within", milliseconds, within),
        python=python,
        archive=archive,
        tell=tell,
    )
    if as_json:
        print(json.dumps(done.document()))
    elif done.job is not None:
        print(done.job)
