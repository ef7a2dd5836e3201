"""Where a job's state is kept between runs, and how a running one is stopped so that the next goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fsspec

from config.plan import JobPlan
from jobs.failures import job_errors

if TYPE_CHECKING:
    from pyflink.common import JobClient


def folder(job: JobPlan) -> str:
    """Give the folder of a job's checkpoints and savepoints, as a URI: no two jobs share one.

    >>> folder(JobPlan(name="churn", environment="prod", checkpoint_dir="s3://bucket/state"))
    's3://bucket/state/prod/churn'
    """
    root = job.checkpoint_dir if "://" in job.checkpoint_dir else Path(job.checkpoint_dir).absolute().as_uri()
    return f"{root.rstrip('/')}/{job.environment}/{job.name}"


def latest_checkpoint(where: str) -> str | None:
    """Give the newest complete checkpoint or savepoint in a folder, as a URI to restore from.

    Parameters
    ----------
    where : str
        A path or URI, as of `folder`.
    """
    files, root = fsspec.core.url_to_fs(where)
    while found := [*files.glob(f"{root}/*/chk-*/_metadata"), *files.glob(f"{root}/savepoint-*/_metadata")]:
        try:
            newest = max(found, key=files.modified)  # `_metadata` is written last: what has it is complete
        except FileNotFoundError:
            continue  # a job that runs has removed one of them, and has a newer one
        return str(files.unstrip_protocol(newest.removesuffix("/_metadata")))
    return None


def folder_of(savepoint: str) -> str:
    """The folder of the job that a savepoint or checkpoint was kept in, unless it was taken elsewhere.

    >>> folder_of("s3://state/prod/shop/savepoint-ff83b2-c90c07f4722a"), folder_of("s3://state/prod/shop/8d2f/chk-7/")
    ('s3://state/prod/shop', 's3://state/prod/shop')
    """
    outer = savepoint.rstrip("/").rpartition("/")[0]
    return outer.rpartition("/")[0] if is_checkpoint(savepoint) else outer


def is_checkpoint(savepoint: str) -> bool:
    """Whether it is a checkpoint, which Flink made by itself, and no savepoint.

    >>> is_checkpoint("s3://state/prod/shop/8d2f/chk-7/")
    True
    """
    return savepoint.rstrip("/").rpartition("/")[2].startswith("chk-")


def drop(where: str) -> None:
    """Remove all state in a folder, as of `folder`, if there is any."""
    files, root = fsspec.core.url_to_fs(where)
    while files.exists(root):
        try:
            files.rm(root, recursive=True)
        except FileNotFoundError:
            continue  # the cluster of the job that has just ended was removing a checkpoint too


def stop_with_savepoint(client: JobClient, where: str) -> str:
    """Stop a running job so that nothing is lost: its sources end, what is under way is committed, state is saved.

    PyFlink's own method calls what Flink 2.3 no longer has.

    Parameters
    ----------
    client : JobClient
        What `execute_async` gave.
    where : str
        Folder for the savepoint, as of `folder`.

    Returns
    -------
    str
        The savepoint, to restore from.

    Raises
    ------
    JobError
        The job had ended, or could not save its state.
    """
    from pyflink.java_gateway import get_gateway

    kind = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType.CANONICAL
    with job_errors(f"savepoint in {where}"):
        return str(client._j_job_client.stopWithSavepoint(False, where, kind).get())


def cancel(client: JobClient) -> None:
    """Stop a running job where it is; its last checkpoint stays. A job that has ended is left alone."""
    from py4j.protocol import Py4JJavaError

    try:
        client._j_job_client.cancel().get()
    except Py4JJavaError:
        pass  # it has ended
