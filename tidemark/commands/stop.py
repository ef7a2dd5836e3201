"""`tidemark stop`: end a job on a Flink cluster so that the next one goes on from there."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemark.cluster_options import ClusterOption, Job, meant


def stop(
    job: Job,
    cluster: ClusterOption = None,
    no_savepoint: Annotated[
        bool,
        typer.Option("--no-savepoint", help="End it where it is; what came after the last checkpoint is read again."),
    ] = False,
) -> None:
    """Stop a job on a Flink cluster with a savepoint, and print where that is.

    What is under way is committed first. The next `tidemark submit` or `run` of the configuration goes on from there;
    if the savepoint cannot be made, the job runs on. With --no-savepoint the next one goes on from the last
    checkpoint.

    Example: tidemark stop monitors.yaml --cluster localhost:8081
    """
    from jobs.cluster.rest import Cluster
    from jobs.cluster.running import running

    wanted, address = meant(job, cluster)
    asked = Cluster(address)
    found = running(asked, wanted)
    if no_savepoint:
        asked.cancel(found.id)
        print(f"{found.name} is stopped, without a savepoint; the next one goes on from its last checkpoint")
        return
    savepoint = asked.stop(found.id, found.about.state_folder)
    print(f"{found.name} is stopped; the next one goes on from")
    print(savepoint)
