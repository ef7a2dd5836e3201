"""The Flink job: from topics and files to drift events. Reads top to bottom as the data flows.

::

    topics -> decode (SQL, vectorised) --+                   +-> monitor  -> policy -> events
                                         +-> panes (TUMBLE) -+   (by bucket) (by model)
    files  -> blocks -> decode ----------+                   |-> summaries
    control -----------------------------+-> letters, counts +-> dead letters, report

Labels come by the same way; the join, which keeps predictions until their labels come, has its own keys in the
monitor's operator. Both go on to the performance (by model, version and segment), and from there to the policy too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from config.plan import Plan, SourcePlan
from jobs import sinks, sql
from jobs.positions import Positions
from jobs.topics import Ends
from operators.joins import labelled
from operators.performances import measured_models
from operators.profiles.references import JobReferences

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.table import StreamTableEnvironment

MANY = 100  # segments; a second worker takes some seconds to start and a few hundred MB
OWNER = "policy of "  # begins the name of an operator that tells in a savepoint which job made it
UID = "tidemark-"  # of the operators that keep state: a savepoint finds them again by it


@dataclass(frozen=True)
class Setting:
    """What a run adds to the plan."""

    bounded: bool = False  # the input ends
    ends: Ends = field(default_factory=dict)  # where topics do then
    positions: Positions = field(default_factory=dict)  # where sources begin that go on from earlier state
    since: Mapping[int, int] = field(default_factory=dict)  # sources that join a job, by number: its oldest open pane
    fresh: bool = False  # read them from the beginning, though records were read before
    kafka: Mapping[str, str] = field(default_factory=dict)  # of the Java client, with its secrets
    report: str | None = None  # file for the totals, on the machine where workers run
    slots: int = 1  # for each parallel instance; see `slots`


def slots(job: JobReferences) -> int:
    """Slots that a parallel instance is best given: two where there are many segments.

    Monitors of a thousand segments keep a Python worker as busy as decode does: in one worker they would wait for each
    other's lock. A worker is a slot's, so they get a slot of their own.
    """
    known = 0
    for model in job.plan.models:
        profiles = job.profiles.get(model.name, {}).values()
        for plan in model.segments:
            of_reference = [profile.segments.get(",".join(plan.fields), ()) for profile in profiles]
            known += max(map(len, of_reference if plan.values is None else [plan.values]), default=0)
    return 2 if known >= MANY else 1


def build(env: StreamExecutionEnvironment, job: JobReferences, setting: Setting) -> None:
    """Put the whole graph into an environment."""
    from pyflink.table import StreamTableEnvironment

    from jobs.control_source import asked, commands, timed
    from jobs.functions import aside

    table_env = StreamTableEnvironment.create(env)
    plan = job.plan
    said = told = None
    if plan.control is not None:
        said = commands(env, plan, setting)
        told = timed(said, plan)
        table_env.create_temporary_view("asked", asked(told, table_env))
    panes = _panes(env, table_env, job, setting)
    found = _monitored(panes, job, setting)
    performance = _performance(found, job) if measured_models(job.plan) else None
    others = [] if performance is None else [performance]
    if told is not None:
        others.append(_only(told, "output"))
    events = _decided(found, others, job, setting)
    sinks.attach(events, plan.events, "events", plan, setting.kafka)
    if plan.summaries is not None:
        told = found.get_side_output(aside("summaries"))
        if performance is not None:
            told = told.union(performance.get_side_output(aside("summaries")))
        sinks.attach(told, plan.summaries, "summaries", plan, setting.kafka)
    if plan.dead_letters is not None:
        letters = found.get_side_output(aside("letters"))
        if said is not None:
            letters = letters.union(said.get_side_output(aside("letters")))
        sinks.attach(letters, plan.dead_letters, "dead-letters", plan, setting.kafka)
    _reported(found, events, setting)


def _panes(
    env: StreamExecutionEnvironment, table_env: StreamTableEnvironment, job: JobReferences, setting: Setting
) -> DataStream:
    """All chunks of a key and pane in one row; letters and counts beside them."""
    from jobs.decoding import LEAST_MS, decode_function
    from jobs.file_source import chunk_stream

    packed = msgspec.msgpack.encode(job)
    queries = []
    files = [] if job.plan.control is None else ["asked"]
    for number, source in enumerate(job.plan.sources):
        if source.topic is not None:
            table = f"source_{number}"
            settings = kafka_options(source, job.plan, setting) | begun(setting.positions.get(table, {}))
            since_ms = setting.since.get(number, LEAST_MS)
            if number in setting.since:
                settings |= joining(source, since_ms)
            table_env.execute_sql(sql.kafka_table(table, source, settings))
            function = decode_function(packed, number, since_ms)
            table_env.create_temporary_function(f"decode_{number}", function)
            queries.append(sql.decoded(table, f"decode_{number}", source))
        else:
            view = f"files_{number}"
            table_env.create_temporary_view(view, chunk_stream(env, table_env, job, number, packed))
            files.append(view)
    table_env.create_temporary_view("chunks", table_env.sql_query(sql.chunks(queries, files)))
    with_labels = bool(labelled(job.plan))
    windowed = sql.WINDOWED_WITH_LABELS if with_labels else sql.WINDOWED
    direct = sql.DIRECT_WITH_LABELS if with_labels else sql.DIRECT
    table_env.create_temporary_view("windowed", table_env.sql_query(windowed))
    table_env.create_temporary_view("direct", table_env.sql_query(direct))
    return table_env.to_data_stream(table_env.sql_query(sql.panes(job.plan.job.pane_ms)))


def kafka_options(source: SourcePlan, plan: Plan, setting: Setting) -> dict[str, str]:
    """Options of a topic's table."""
    committed = "earliest-offset" if setting.fresh else "group-offsets"
    starts = {"earliest": "earliest-offset", "latest": "latest-offset", "committed": committed}
    options = {
        "connector": "kafka",
        "format": "raw",
        "topic": str(source.topic),
        "properties.group.id": f"tidemark-{plan.job.environment}-{plan.job.name}",
        "properties.isolation.level": "read_committed",  # the default counts records of aborted transactions
        "properties.auto.offset.reset": "earliest",  # `committed` without a commit: nothing is passed over
        "properties.max.poll.records": "5000",
        "scan.startup.mode": starts.get(source.start, "timestamp"),
        "scan.topic-partition-discovery.interval": "0" if setting.bounded else "1 min",
        **{f"properties.{key}": value for key, value in setting.kafka.items()},
    }
    if source.start not in starts:
        from schemas.cloudevents import milliseconds

        options["scan.startup.timestamp-millis"] = str(milliseconds(source.start))
    if setting.bounded:
        options["scan.bounded.mode"] = "specific-offsets"
        options["scan.bounded.specific-offsets"] = sql.offsets(setting.ends[str(source.topic)])
        options["properties.commit.offsets.on.checkpoint"] = "false"  # another run is to read the same again
    else:
        options["scan.watermark.idle-timeout"] = f"{source.idle_ms} ms"
        if sum(s.topic is not None for s in plan.sources) > 1:
            options["scan.watermark.alignment.group"] = "tidemark"
            options["scan.watermark.alignment.max-drift"] = "1 min"
            options["scan.watermark.alignment.update-interval"] = "200 ms"
    return options


def begun(positions: Mapping[int, int]) -> dict[str, str]:
    """Options of a topic's table that goes on from positions."""
    if not positions:
        return {}
    return {"scan.startup.mode": "specific-offsets", "scan.startup.specific-offsets": sql.offsets(positions)}


def joining(source: SourcePlan, since_ms: int) -> dict[str, str]:
    """Options of a topic's table that is read with others that are further: from the oldest pane that is open.

    Times of payloads may be ahead of the broker's, which the topic is searched by.

    >>> joining(SourcePlan(name="a", kind="labels", topic="a"), 60_000)
    {'scan.startup.mode': 'timestamp', 'scan.startup.timestamp-millis': '60000'}
    """
    if source.start == "latest":
        return {}
    skew_ms = source.max_skew_ms if source.time.kind == "payload" else 0
    return {"scan.startup.mode": "timestamp", "scan.startup.timestamp-millis": str(max(since_ms - skew_ms, 0))}


def _monitored(panes: DataStream, job: JobReferences, setting: Setting) -> DataStream:
    """One row each: kind, key, payload."""
    from pyflink.common import Types

    from jobs.functions import MonitorFunction, tagged
    from jobs.join_function import JoiningMonitorFunction
    from jobs.wakes import bucket

    keyed = panes.key_by(lambda row: bucket(row[0]), key_type=Types.STRING())
    kind = JoiningMonitorFunction if labelled(job.plan) else MonitorFunction
    function = kind(msgspec.msgpack.encode(job))
    found = keyed.process(function, output_type=tagged()).uid(UID + "monitor").name("monitor")
    return found.slot_sharing_group("monitors") if setting.slots > 1 else found


def _performance(found: DataStream, job: JobReferences) -> DataStream:
    """What turned out, by model, version and segment: rows as the monitor's, summaries beside them."""
    from pyflink.common import Types

    from jobs.functions import tagged
    from jobs.performance_function import PerformanceFunction

    matches = _only(found, "matches").key_by(lambda row: row[1], key_type=Types.STRING())
    function = PerformanceFunction(msgspec.msgpack.encode(job))
    return matches.process(function, output_type=tagged()).uid(UID + "performance").name("performance")


def _decided(found: DataStream, others: Sequence[DataStream], job: JobReferences, setting: Setting) -> DataStream:
    """Drift events by model, and those of a stream that stands still."""
    from pyflink.common import Types

    from jobs.functions import PolicyFunction, SilenceFunction, message

    plan = msgspec.msgpack.encode(job.plan)
    outputs = _only(found, "output")
    if others:
        outputs = outputs.union(*others)
    by_model = outputs.key_by(lambda row: row[1], key_type=Types.STRING())
    events = by_model.process(PolicyFunction(plan), output_type=message()).uid(UID + "policy")
    events = events.name(f"{OWNER}{job.plan.job.environment}/{job.plan.job.name}")
    arrivals = _only(found, "newest").key_by(lambda row: row[1], key_type=Types.STRING())
    # Also where nothing can fall silent: state of a run that had it would not fit a job without it.
    function = SilenceFunction(plan, bounded=setting.bounded)
    silence = arrivals.process(function, output_type=message()).uid(UID + "silence").name("silence")
    return events.union(silence)


def _reported(found: DataStream, events: DataStream, setting: Setting) -> None:
    """Totals that survive restarts, in a file."""
    from pyflink.common import Types

    from jobs.functions import ReportFunction, tagged, told

    if setting.report is None:
        return
    facts = _only(found, "count", "counted", "labels").union(events.map(told, output_type=tagged()))
    keyed = facts.key_by(lambda row: "report", key_type=Types.STRING())
    report = keyed.process(ReportFunction(setting.report), output_type=Types.STRING())
    report = report.uid(UID + "report").name("report").set_parallelism(1)
    sinks.discard(report)


def _only(found: DataStream, *kinds: str) -> DataStream:
    return found.filter(lambda row: row[0] in kinds).name(" and ".join(kinds))


def arguments() -> Any:
    """The job's own command line, for ``flink run -pym jobs.monitor --config C``."""
    import argparse

    parser = argparse.ArgumentParser(prog="jobs.monitor", description="Tidemark's monitor as a plain Flink job.")
    parser.add_argument("--config", required=True, help="the configuration file, on the machine that submits")
    parser.add_argument("--bounded", action="store_true", help="read topics up to their present end")
    return parser.parse_args()


if __name__ == "__main__":
    from jobs.submission import submit_here

    submit_here(arguments())
