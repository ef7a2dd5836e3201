"""`tidemark submit`: the job on a Flink cluster that is running."""

from __future__ import annotations

from typing import Annotated

import typer

from config import load
from schemas.errors import UsageError
from tidemark.cluster_options import ArchiveOption, ClusterOption, address
from tidemark.options import Config
from tidemark.printing import tell


def submit(
    config: Config,
    cluster: ClusterOption = None,
    from_savepoint: Annotated[
        str | None, typer.Option(metavar="S", help="Go on from this savepoint or checkpoint.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew instead of going on from the last savepoint or checkpoint.")
    ] = False,
    python: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Python of the workers, with tidemark installed; else the path of this one."),
    ] = None,
    archive: ArchiveOption = None,
    bounded: Annotated[bool, typer.Option("--bounded", help="Read topics up to their present end.")] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print a manifest for Flink's Kubernetes operator instead.")
    ] = False,
    image: Annotated[str, typer.Option(metavar="IMAGE", help="Of the manifest: that of docker/.")] = "tidemark:0.1",
    claim: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the manifest: volume claim that is mounted at job.checkpoints.dir."),
    ] = None,
    secret: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the manifest: Secret with the configuration's variables.")
    ] = None,
) -> None:
    """Submit the monitors of a configuration to a running Flink 2.3 cluster, and leave them there.

    Prints the job's id. It goes on from the last savepoint or checkpoint that `job.checkpoints.dir` or the cluster
    knows of. The machines of the cluster need a Python with tidemark[flink] installed, or get one with the job
    (--archive), and paths in the configuration (checkpoints, file sources and sinks) have to be theirs too.

    Example: tidemark submit monitors.yaml --cluster localhost:8081

    Example: tidemark submit monitors.yaml --archive environment.tar.gz

    Example: tidemark submit monitors.yaml --manifest --image registry/tidemark:0.1 --claim state > job.yaml
    """
    from jobs.submission import submit as send

    loaded = load(config)
    for line in loaded.unavailable:
        tell(line)
    if manifest:
        from jobs.cluster.manifest import manifest as written

        print(written(loaded, image=image, claim=claim, secret=secret), end="")
        return
    if fresh and from_savepoint is not None:
        message = "--fresh: begins anew, which --from-savepoint does not; give one of them"
        raise UsageError(message)

    to = address(loaded.plan.job, cluster)
    print(
        send(
            loaded,
            to,
            savepoint=from_savepoint,
            fresh=fresh,
            python=python,
            archive=archive,
            bounded=bounded,
            tell=tell,
        ),
        flush=True,
    )
