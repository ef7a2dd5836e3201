"""What the job runs on: every option of Flink and of its Python workers in one table, each with its reason."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.plan import JobPlan
from jobs import gateway
from jobs.java import java_home
from jobs.savepoints import folder
from schemas.errors import SetupError

if TYPE_CHECKING:
    from pyflink.common import Configuration

PYTHONS = ((3, 10), (3, 12))  # of which PyFlink 2.3 has builds that its dependencies have too
LOGS = Path(".tidemark", "logs")
BATCH = 25_000  # records that cross to Python at a time: of 10,000 a thousand segments get a few each, a fifth slower
BOUNDED_CHECKPOINT_MS = 1_000  # bounded input ends with a checkpoint: later ones delay the end by so much, twice
BACKENDS = {"memory": "hashmap", "rocksdb": "rocksdb"}  # Flink's names
MANAGED_MB = {"memory": 256, "rocksdb": 512}  # of 128 the window's buffer gets 60 % and a few chunks fill it
BUNDLE = 100_000  # records between two flushes of state: 1,000 halves the speed

Row = tuple[str, object, str]  # option, value, what goes wrong without it


def table(job: JobPlan, *, bounded: bool) -> list[Row]:
    """List what every run of the job needs, on any cluster."""
    every_ms = min(job.checkpoint_every_ms, BOUNDED_CHECKPOINT_MS) if bounded else job.checkpoint_every_ms
    return [
        ("parallelism.default", job.parallelism, "the cluster's default would decide"),
        ("pipeline.max-parallelism", 128, "it would follow parallelism above 85, and older state would not restore"),
        ("execution.runtime-mode", "STREAMING", "bounded input in batch mode has no watermarks on the way"),
        ("pipeline.object-reuse", True, "rows would be copied from each operator to the next; none of ours keeps one"),
        ("table.exec.uid.generation", "ALWAYS", "a control topic would give SQL's operators other ids, and lose state"),
        ("table.local-time-zone", "UTC", "event times would be cut into panes by the machine's zone"),
        # Python
        ("python.fn-execution.bundle.size", BUNDLE, "bundles of 1,000 halve the speed"),
        ("python.fn-execution.bundle.time", 1000, "a slow stream would wait for a full bundle; milliseconds"),
        (
            "python.fn-execution.arrow.batch.size",
            BATCH,
            "batches of 1,000 cost a quarter of the speed, and more memory brings little",
        ),
        ("python.map-state.read-cache-size", 32, "of 100,000 keys a thousand a bucket would fill the worker"),
        # state
        ("state.backend.type", BACKENDS[job.state], "the cluster's default would decide"),
        ("execution.checkpointing.incremental", job.state == "rocksdb", "RocksDB would write all of it each time"),
        ("execution.checkpointing.interval", f"{every_ms} ms", "none are made without it; the end waits for one"),
        ("execution.checkpointing.mode", "EXACTLY_ONCE", "records between barriers would count twice after a restore"),
        ("execution.checkpointing.min-pause", "500 ms", "slow checkpoints would run one after the other"),
        ("execution.checkpointing.dir", folder(job), "a restart of the machine would find nothing"),
        ("execution.checkpointing.savepoint-dir", folder(job), "a stop needs a place"),
        ("execution.checkpointing.num-retained", 2, "a damaged newest one would leave none"),
        ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION", "cancelling deletes"),
        ("execution.checkpointing.tolerable-failed-checkpoints", 3, "one timeout would restart the job"),
        # failures: a broker that restarts is waited for, a fault that stays is reported
        ("restart-strategy.type", "exponential-delay", "the default restarts for ever, at once"),
        ("restart-strategy.exponential-delay.initial-backoff", "1 s", "as above"),
        ("restart-strategy.exponential-delay.max-backoff", "30 s", "an outage of minutes would wait as long again"),
        (
            "restart-strategy.exponential-delay.attempts-before-reset-backoff",
            3 if bounded else 10,
            "a fault in every attempt would never be reported",
        ),
        ("restart-strategy.exponential-delay.reset-backoff-threshold", "10 min", "the default is an hour"),
    ]


def embedded_table(job: JobPlan, slots: int = 1) -> list[Row]:
    """List what the cluster inside `tidemark run` needs besides, with so many slots for each parallel instance."""
    return [
        ("python.executable", sys.executable, "workers would be the `python` of the PATH, without our packages"),
        ("python.client.executable", sys.executable, "as above, for what the client runs"),
        ("minicluster.number-of-taskmanagers", job.parallelism * slots, "one TaskManager would serve all"),
        ("taskmanager.numberOfTaskSlots", 1, "slots of a TaskManager may share a Python worker and its one lock"),
        ("taskmanager.memory.managed.size", f"{MANAGED_MB[job.state]} m", "a few chunks fill the window's buffer"),
        ("rest.bind-address", "localhost", "the page with the job's settings would be open to the network"),
        ("rest.bind-port", 0, "a second run would find the port taken"),
        ("web.submit.enable", False, "whoever reaches the port could run code"),
    ]


def prepare_process(logs: Path = LOGS) -> None:
    """Start what `pyflink` needs, before anything of it is imported: call first in a process that runs a job.

    Under ``flink run`` everything is prepared, and this does nothing. Otherwise a JVM runs until the process ends.

    Parameters
    ----------
    logs : Path
        Where Flink's log goes, so that the console is left to the command.

    Raises
    ------
    SetupError
        The Python, Flink or Java that is there will not do.
    """
    if "PYFLINK_GATEWAY_PORT" in os.environ:
        return
    _check_python()
    # Real worker processes: otherwise they are threads of this one and share its lock, also with each other.
    os.environ["_python_worker_execution_mode"] = "process"
    gateway.start(java_home(), logs)


def options(
    job: JobPlan,
    *,
    bounded: bool,
    embedded: bool = True,
    slots: int = 1,
    jars: Iterable[Path] = (),
    restore: str | None = None,
    more: Mapping[str, object] | None = None,
) -> dict[str, str]:
    """List Flink's options for a job by name.

    Parameters
    ----------
    job : JobPlan
        Parallelism, checkpoints, name.
    bounded : bool
        Whether the input ends: then a fault that stays is reported sooner.
    embedded : bool
        For the cluster in this process; otherwise a cluster decides for itself what it has.
    slots : int
        That each parallel instance takes of the cluster in this process; see `monitor.slots`.
    jars : iterable of Path
        What the job needs besides Flink.
    restore : str, optional
        The checkpoint or savepoint to go on from. It then belongs to the new run, which deletes it in time.
    more : mapping, optional
        Further options; they win.
    """
    rows = table(job, bounded=bounded) + (embedded_table(job, slots) if embedded else [])
    chosen: dict[str, object] = {name: value for name, value, _ in rows}
    if restore is not None:
        chosen |= recovery(restore)
    if uris := [jar.absolute().as_uri() for jar in jars]:
        chosen["pipeline.jars"] = ";".join(uris)
    chosen |= more or {}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in chosen.items()}


def recovery(restore: str, *, claim: bool = True, drop: bool = False) -> dict[str, str]:
    """List Flink's options for going on from a checkpoint or savepoint.

    Parameters
    ----------
    claim : bool
        Whether it belongs to the job from then on, which deletes it in time.
    drop : bool
        Whether state that finds no operator may be left behind.
    """
    return {
        "execution.state-recovery.path": restore,
        "execution.state-recovery.claim-mode": "CLAIM" if claim else "NO_CLAIM",
        "execution.state-recovery.ignore-unclaimed-state": str(drop).lower(),
    }


def configuration(job: JobPlan, **settings: Any) -> Configuration:
    """Make Flink's configuration of `options`, which take the same arguments."""
    return flink_configuration(options(job, **settings))


def flink_configuration(options: Mapping[str, str]) -> Configuration:
    """Make Flink's configuration of options by name."""
    from pyflink.common import Configuration

    result = Configuration()
    for name, value in options.items():
        result.set_string(name, value)
    return result


def _check_python() -> None:
    version = _version()
    if not PYTHONS[0] <= version <= PYTHONS[1]:
        message = (
            f"this is Python {version[0]}.{version[1]}, for which there is no Flink (3.10 to 3.12); "
            "make an environment with one of those"
        )
        raise SetupError(message)
    if find_spec("pyflink") is None:
        if platform.system() == "Linux" and platform.machine() in ("aarch64", "arm64"):
            message = "Flink has no build for Linux on ARM (Linux on x86-64, macOS on ARM); run it on one of those"
            raise SetupError(message)
        message = "tidemark run needs Flink, which is not installed; pip install 'tidemark[flink]'"
        raise SetupError(message)


def _version() -> tuple[int, int]:
    return sys.version_info.major, sys.version_info.minor
