"""How a job on a cluster is: what it reads, how far it is, whether its state is saved, and what is wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from config.durations import duration
from config.plan import SourcePlan
from jobs.cluster.rest import Cluster
from jobs.cluster.running import Running
from jobs.failures import explained, root_cause
from schemas.cloudevents import milliseconds, timestamp

RECENT_MS = 600_000  # a failure so long ago is still told
BEHIND_S = 60.0  # records that are not read yet, in the time that reading them takes: a restart leaves some seconds
HELD_BACK = 0.5  # share of its time that an operator waits for those after it
SAVED_INTERVALS = 10  # between two checkpoints there may be so many times as long as there should be, and a minute
FATES = ("read", "used", "dead", "late", "ignored")
ANSWERED_S = 0.5  # machines of a cluster answer in tens of milliseconds
SIZE = 40  # metrics that are asked for at a time: their names are long, and an address is limited
_ODD = re.compile("[ :.,]")  # what Flink's REST writes as an underscore in the names of metrics, and nothing else


class SourceHealth(msgspec.Struct, kw_only=True):
    """A source; its records are those since its workers began."""

    name: str
    of: str  # topic or path
    kind: str = "predictions"
    read: int = 0
    used: int = 0
    dead: int = 0
    late: int = 0
    ignored: int = 0
    records_per_s: float | None = None
    behind: int | None = None  # records on the topic that are not read yet; None of files, and as long as Flink asks


class CheckpointHealth(msgspec.Struct, kw_only=True):
    """Checkpoints since the job was submitted."""

    completed: int = 0
    failed: int = 0
    last: str | None = None  # when
    took_ms: int | None = None
    bytes: int | None = None
    path: str | None = None
    failure: str | None = None  # of one that failed after the last one that did not


class Health(msgspec.Struct, kw_only=True):
    """A job; `problems` is what has to be done something about, `notes` what may pass."""

    name: str
    environment: str
    id: str
    cluster: str
    state: str
    since: str
    flink: str
    release: str
    configuration: str
    models: list[str]
    parallelism: int
    healthy: bool = False
    problems: list[str] = []
    notes: list[str] = []
    restarts: int = 0
    failure: str | None = None  # the last one
    failed: str | None = None  # when
    evaluated: str | None = None  # event time up to which panes are complete
    busy: float | None = None  # of the busiest operator, a share of its time
    held_back: float | None = None  # of the one that waits most for others
    checkpoints: CheckpointHealth
    sources: list[SourceHealth]

    @property
    def records_per_s(self) -> float | None:
        """Of all sources."""
        known = [source.records_per_s for source in self.sources if source.records_per_s is not None]
        return sum(known) if known else None


def look(cluster: Cluster, job: Running, *, briefly: bool = False) -> Health:
    """Ask the cluster about a job.

    Parameters
    ----------
    briefly
        Without what takes a question for each metric: for a list of jobs.
    """
    plan = job.about.plan
    told = cluster.get(f"/jobs/{job.id}")
    found = Health(
        name=plan.job.name,
        environment=plan.job.environment,
        id=job.id,
        cluster=cluster.address,
        state=told["state"],
        since=timestamp(told["start-time"]),
        flink=cluster.flink,
        release=job.about.release,
        configuration=plan.configuration_id,
        models=[model.name for model in plan.models],
        parallelism=plan.job.parallelism,
        checkpoints=_checkpoints(cluster.find(f"/jobs/{job.id}/checkpoints") or {}),
        sources=[
            SourceHealth(name=source.name, of=str(source.topic or source.path), kind=source.kind)
            for source in plan.sources
        ],
    )
    if not job.ended:
        _measured(cluster, job, told["vertices"], found, plan.sources, briefly=briefly)
    past = failures(cluster, job.id)
    if past:
        failed_ms, found.failure = past[0]
        found.failed = timestamp(failed_ms)
    since_ms = told["now"] - past[0][0] if past else None
    found.problems = list(_problems(found, told, plan.job.checkpoint_every_ms))
    found.notes = list(_notes(found, since_ms))
    found.healthy = not found.problems
    return found


def _measured(
    cluster: Cluster,
    job: Running,
    vertices: Sequence[dict[str, Any]],
    found: Health,
    sources: Sequence[SourcePlan],
    *,
    briefly: bool,
) -> None:
    tables = {f"source_{number}": source for number, source in enumerate(found.sources)}
    evaluated, busy, held_back = [], [], []
    for vertex in vertices:
        place = f"/jobs/{job.id}/vertices/{vertex['id']}"
        reads = [source for table, source in tables.items() if vertex["name"].startswith(_reading(table))]
        if briefly and not reads:
            continue
        ids = [metric["id"] for metric in cluster.find(f"{place}/subtasks/metrics") or ()]
        wanted = [one for one in ids if _is_wanted(one, briefly)]
        sums, most = _values(cluster, place, wanted)
        for source in reads:
            source.records_per_s = sums.get("numRecordsInPerSecond")
            pending = next((sums[one] for one in sums if one.endswith(".pendingRecords")), None)
            source.behind = None if pending is None else int(pending)
        for source in found.sources:
            for fate in FATES:
                ending = f".tidemark.source.{_ODD.sub('_', source.name)}.{fate}"
                number = sum(int(value) for one, value in sums.items() if one.endswith(ending))
                setattr(source, fate, getattr(source, fate) + number)
        busy.append(most.get("busyTimeMsPerSecond", 0.0) / 1000)
        held_back.append(most.get("backPressuredTimeMsPerSecond", 0.0) / 1000)
        if vertex["name"].startswith("monitor"):
            marks = cluster.find(f"{place}/watermarks") or ()
            evaluated += [int(mark["value"]) for mark in marks]
    found.busy = max((share for share in busy if share == share), default=None)  # NaN of one that cannot tell
    found.held_back = max(held_back, default=None)
    if evaluated and min(evaluated) > 0:
        found.evaluated = timestamp(min(evaluated))
    restarts = cluster.find(f"/jobs/{job.id}/metrics", get="numRestarts") or [{"value": 0}]
    found.restarts = int(float(restarts[0]["value"]))


def ask_for_metrics(cluster: Cluster) -> None:
    """Let Flink ask its machines: it does so when it is asked, and answers with what it knew before, or nothing."""
    cluster.find("/jobs/metrics")
    time.sleep(ANSWERED_S)


def _reading(table: str) -> str:
    return f"Source: KafkaSource-default_catalog.default_database.{table} "


def _is_wanted(metric: str, briefly: bool) -> bool:
    if metric == "numRecordsInPerSecond" or metric.endswith(".pendingRecords"):
        return True
    plain = ("busyTimeMsPerSecond", "backPressuredTimeMsPerSecond")
    return not briefly and (metric in plain or ".tidemark.source." in metric)


def _values(cluster: Cluster, place: str, metrics: Sequence[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Sum and largest of metrics over the parallel instances."""
    sums: dict[str, float] = {}
    most: dict[str, float] = {}
    for start in range(0, len(metrics), SIZE):
        asked = ",".join(metrics[start : start + SIZE])
        for told in cluster.find(f"{place}/subtasks/metrics", get=asked, agg="sum,max") or ():
            sums[told["id"]], most[told["id"]] = float(told["sum"]), float(told["max"])
    return sums, most


def _checkpoints(told: dict[str, Any]) -> CheckpointHealth:
    counts, latest = told.get("counts", {}), told.get("latest", {})
    found = CheckpointHealth(completed=counts.get("completed", 0))
    last, failed = latest.get("completed"), latest.get("failed")
    if last:
        found.last = timestamp(last["trigger_timestamp"])
        found.took_ms, found.bytes, found.path = last["end_to_end_duration"], last["state_size"], last["external_path"]
    if failed:
        # Those that are asked for before all tasks run count as failed too; they are in no history.
        found.failed = sum(one["status"] == "FAILED" for one in told.get("history", ()))
        if not last or failed["trigger_timestamp"] > last["trigger_timestamp"]:
            found.failure = root_cause(str(failed.get("failure_message") or "no reason given"))
    return found


def failures(cluster: Cluster, job: str) -> list[tuple[int, str]]:
    """When and why the job failed, the newest first."""
    history = (cluster.find(f"/jobs/{job}/exceptions") or {}).get("exceptionHistory", {})
    return [(one["timestamp"], explained(one["stacktrace"])) for one in history.get("entries", ())]


def _problems(found: Health, told: dict[str, Any], every_ms: int) -> Iterator[str]:
    if found.state != "RUNNING":
        because = f": {found.failure}" if found.failure and found.state != "FINISHED" else ""
        yield f"is {found.state}, not RUNNING{because}"
        return
    tasks = told["status-counts"]
    idle = sum(number for state, number in tasks.items() if state not in ("RUNNING", "FINISHED"))
    if idle:
        slots = "; are there slots enough on the cluster?" if tasks.get("SCHEDULED") else ""
        yield f"{idle} of {sum(tasks.values())} tasks do not run{slots}"
    if found.checkpoints.failure is not None:
        yield f"the last checkpoint failed: {found.checkpoints.failure}"
    began_ms = max(told["timestamps"]["RUNNING"], 0)
    last_ms = began_ms if (last := found.checkpoints.last) is None else max(began_ms, milliseconds(last))
    without_ms = told["now"] - last_ms
    if without_ms > max(SAVED_INTERVALS * every_ms, 60_000):
        yield f"no checkpoint for {duration(without_ms // 1000 * 1000)} (one every {duration(every_ms)} is asked for)"


def _notes(found: Health, since_failure_ms: int | None) -> Iterator[str]:
    if found.state != "RUNNING":
        return
    if since_failure_ms is not None and since_failure_ms < RECENT_MS:
        yield f"failed {duration(since_failure_ms // 1000 * 1000)} ago, and went on: {found.failure}"
    for source in found.sources:
        rate = source.records_per_s or 0.0
        if source.behind and source.behind > BEHIND_S * rate:
            takes = f", {duration(round(source.behind / rate) * 1000)} at the present rate" if rate else ""
            yield f"{source.name} is {source.behind:,} records behind{takes}"
    if found.held_back is not None and found.held_back > HELD_BACK:
        yield f"held back {found.held_back:.0%} of the time (back-pressure): give it more parallelism"
