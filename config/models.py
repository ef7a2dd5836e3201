"""The configuration file as a whole: job, brokers, sources, sinks. What a model may say is in `config.model`.

Defaults stand here as they would be written in the file, and are read by the same rules.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from config.actions import Action
from config.durations import time_ms
from config.model import Group, Model, Settings
from config.scalars import (
    Duration,
    DurationOrZero,
    Microseconds,
    OneOf,
    Secret,
    String,
    Strings,
    Time,
    Within,
    not_empty,
    text,
)
from config.section import Also, Section, written
from config.store import Store
from config.texts import quote

Kind = Literal["predictions", "labels", "features"]
Format = Literal["json", "jsonl", "csv", "parquet"]


class Checkpoints(Section):
    """How often the job's state is saved, and where: a folder (relative to the file) or a URL."""

    every: Duration = written("10 s")
    """How often state is saved; with `exactly-once` output becomes visible as often."""
    dir: String = "./.tidemark/checkpoints"
    """A folder, relative to the file, or a URL that all machines reach."""


def _is_address(value: str) -> bool:
    host, _, port = value.rpartition(":")
    return bool(host) and port.isdigit() and 0 < int(port) < 65_536


def _address(value: Any) -> str:
    if not _is_address(text(value)):
        msg = f"{quote(value)} is not HOST:PORT"
        raise ValueError(msg)
    return str(value)


class Job(Section):
    """The job: its name and environment stand in every event."""

    name: String = "tidemark"
    """Its name, in the source of every event."""
    environment: String = "default"
    """Where it runs (`prod`, `test`), in the source of every event."""
    parallelism: Annotated[int, Within(1, 1024)] = 1
    """TaskManagers of one slot each; one takes two cores."""
    pane: Duration = written("10 s")
    """The unit of work in event time; every slide is a multiple of it."""
    checkpoints: Checkpoints = Checkpoints()
    """How often state is saved, and where."""
    state: Annotated[Literal["memory", "rocksdb"], OneOf("a place of state")] = "memory"
    """Where state is between checkpoints: in the workers' memory, or where it is larger than that, on their disks."""
    delivery: Annotated[Literal["exactly-once", "at-least-once"], OneOf("a delivery")] = "exactly-once"
    """Whether a reader of committed messages sees each event once, or sooner and perhaps twice after a failure."""
    cluster: Annotated[str, BeforeValidator(_address)] | None = None
    """`HOST:PORT` of the JobManager's REST address, for `tidemark submit`."""
    logs: Annotated[Literal["text", "json"], OneOf("a form of logs")] = "text"
    """The form of logs: lines for people, or an object a line."""


class Security(Section):
    """How to be let in by the brokers; `config.security` says it in the words of each client."""

    protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], OneOf("a protocol")] = "PLAINTEXT"
    """Whether connections are encrypted, and whether they name a user."""
    mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], OneOf("a mechanism")] | None = None
    """How the user is known, with the two `SASL` protocols."""
    username: String | None = None
    """The user, with a `mechanism`."""
    password: Secret | None = None
    """The password; from the environment or a file."""
    ca: String | None = None
    """PEM file of the authority that has signed the brokers' certificates."""
    certificate: String | None = None
    """PEM file of the client's own certificate."""
    key: String | None = None
    """PEM file of its key."""
    key_password: Secret | None = None
    """The password of that key; from the environment or a file."""


def _bootstrap(value: Any) -> str:
    for broker in text(value).split(","):
        if not _is_address(broker.strip()):
            msg = f"{quote(value)} is not HOST:PORT (several with commas between)"
            raise ValueError(msg)
    return ",".join(broker.strip() for broker in str(value).split(","))


class Kafka(Section):
    """The brokers of all topics."""

    bootstrap: Annotated[str, BeforeValidator(_bootstrap)]
    """`HOST:PORT`, several with commas between."""
    security: Security = Security()
    """How to be let in."""


class EventTime(Section):
    """Where event times come from: the broker, the record, or the number of the row."""

    short = "kind"

    kind: Annotated[Literal["kafka", "payload"], OneOf("a time")] | None = None
    """The broker's timestamp (`kafka`) or the record's own (`payload`)."""
    every: Microseconds | None = None
    """Of files whose records have no times: row i is at `from` + i times this."""
    from_: Time = written("1970-01-01T00:00:00Z", alias="from")
    """The time of the first row, with `every`."""


class Fields(Section):
    """Where records keep what: a JSON pointer (``/request/id``) or a column."""

    noun = "a field of a record"

    id: String | None = None
    """What labels are found by."""
    timestamp: String | None = None
    """The record's own time."""
    model: String | None = None
    """Which model predicted."""
    version: String | None = None
    """Which version of it."""
    role: String | None = None
    """`champion`, `shadow` or `challenger`."""
    features: String | None = None
    """The mapping of features; in tables each feature is a column."""
    prediction: String | None = None
    """What was predicted: a class, a probability or a number."""
    probabilities: String | None = None
    """The mapping of classes to their probabilities."""
    confidence: String | None = None
    """How sure the model was, 0 to 1."""
    label: String | None = None
    """What turned out."""
    group: String | None = None
    """Of a ranking: the list that the item was shown in."""
    item: String | None = None
    """Of a ranking: what stands for the id."""
    score: String | None = None
    """Of a ranking: by what items were put in order."""


def _start(value: Any) -> str:
    words = ("earliest", "latest", "committed")
    if text(value) in words:
        return str(value)
    try:
        time_ms(str(value))
    except ValueError:
        msg = f"{quote(value)} is not a start (earliest, latest, committed or a time as in '2026-01-31T12:00:00Z')"
        raise ValueError(msg) from None
    return str(value)


class Source(Section):
    """A topic or files with records or labels. Topics have the brokers' times, files their records' (``time``)."""

    topic: String | None = None
    """A topic of the brokers."""
    path: String | None = None
    """A file, glob or URL in the place of a topic."""
    kind: Annotated[Kind, OneOf("a kind of source")] | None = None
    """What its records are; without a word the source's name, if that is a kind."""
    format: Annotated[Format, OneOf("a format")] | None = None
    """Of topics `json`; of files by suffix, `.gz` is unpacked."""
    columns: Strings | None = None
    """Names of the columns of a CSV without header."""
    time: EventTime | None = None
    """Where event times come from: of topics the broker, of files the records."""
    out_of_orderness: DurationOrZero = written("5 s")
    """How much older than the newest one of its partition a record may be."""
    idle: Duration = written("30 s")
    """After how long a silent partition holds the others back no more."""
    max_skew: Duration = written("1 h")
    """How far a record's own time may be ahead of the broker's."""
    start: Annotated[str, BeforeValidator(_start)] = "committed"
    """Where a first run begins: `earliest`, `latest`, `committed` or a time."""
    model: String | None = None
    """The model of all its records."""
    version: String | None = None
    """The version of all its records."""
    fields: Fields = Fields()
    """Where records keep what."""
    carries: Strings | None = None
    """Which features its records have; without a word all of the model."""


class Sources(Section, extra="allow"):
    """Sources by name, and what happens to records of models that the file does not name."""

    __pydantic_extra__: dict[str, Source] = Field(init=False)

    on_unknown_model: Annotated[Literal["ignore", "dead_letter"], OneOf("a rule")] = "ignore"
    """What becomes of records of models that the file does not name."""


class Sink(Section):
    """A topic or a file."""

    topic: String | None = None
    """A topic of the brokers."""
    path: String | None = None
    """A file in the place of a topic."""


class DeadLetters(Sink):
    """Records that could not be used; with their raw bytes only if asked, which may hold personal data."""

    payload: Annotated[Literal["none", "full"], OneOf("a payload")] = "none"
    """Whether the bytes of a record go along, up to 64 KB; they may hold personal data."""


OFF = {"enum": ["none", "off", False]}  # to an editor, off is false


def _off(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() in ("none", "off", "false") else value


class Sinks(Section):
    """What comes out, and where it goes; without a word about it, to topics if there are brokers, else to files."""

    events: Sink | None = None
    """Drift events and retrain requests; by default the topic `drift-events`, or `out/events.jsonl`."""
    summaries: Annotated[Sink | None, BeforeValidator(_off), Also(OFF)] = None
    """What each window looked like; by default where events go, `none` for nowhere."""
    dead_letters: Annotated[DeadLetters | None, BeforeValidator(_off), Also(OFF)] = None
    """Records that are late or cannot be used; by default where events go, `none` for nowhere."""


class Control(Section):
    """Where people and pipelines tell the job something: acknowledge, mute, answer."""

    topic: String | None = None
    """The topic of messages; by default `drift-control`."""
    path: String | None = None
    """A file of messages, read when a run begins."""


class File(Section):
    """The whole file."""

    job: Job = Job()
    """The job itself."""
    kafka: Kafka | None = None
    """The brokers."""
    include: Strings = ()
    """Files with more `sources`, `groups`, `models` and `actions`."""
    sources: Sources
    """What comes in, by name."""
    sinks: Sinks = Sinks()
    """What comes out."""
    control: Control | None = None
    """Where people and pipelines tell the job something."""
    defaults: Settings | None = None
    """What holds for all models."""
    groups: dict[str, Group] = Field(default_factory=dict)
    """What several models have in common, by name."""
    models: Annotated[dict[str, Model], BeforeValidator(not_empty)]
    """What is watched, by name."""
    actions: tuple[Action, ...] = ()
    """What `tidemark listen` does with events."""
    store: Store | None = None
    """A database of events and summaries, for the dashboard and reports."""
