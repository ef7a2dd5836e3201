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
    dir: String = "./.tidemark/checkpoints"


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
    environment: String = "default"
    parallelism: Annotated[int, Within(1, 1024)] = 1
    pane: Duration = written("10 s")
    checkpoints: Checkpoints = Checkpoints()
    delivery: Annotated[Literal["exactly-once", "at-least-once"], OneOf("a delivery")] = "exactly-once"
    cluster: Annotated[str, BeforeValidator(_address)] | None = (
        None  # of `tidemark submit`: the JobManager's REST address
    )
    logs: Annotated[Literal["text", "json"], OneOf("a form of logs")] = "text"


class Security(Section):
    """How to be let in by the brokers; `config.security` says it in the words of each client."""

    protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], OneOf("a protocol")] = "PLAINTEXT"
    mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], OneOf("a mechanism")] | None = None
    username: String | None = None
    password: Secret | None = None
    ca: String | None = None  # PEM files
    certificate: String | None = None
    key: String | None = None
    key_password: Secret | None = None


def _bootstrap(value: Any) -> str:
    for broker in text(value).split(","):
        if not _is_address(broker.strip()):
            msg = f"{quote(value)} is not HOST:PORT (several with commas between)"
            raise ValueError(msg)
    return ",".join(broker.strip() for broker in str(value).split(","))


class Kafka(Section):
    """The brokers of all topics."""

    bootstrap: Annotated[str, BeforeValidator(_bootstrap)]
    security: Security = Security()


class EventTime(Section):
    """Where event times come from: the broker, the record, or the number of the row."""

    short = "kind"

    kind: Annotated[Literal["kafka", "payload"], OneOf("a time")] | None = None
    every: Microseconds | None = None
    from_: Time = written("1970-01-01T00:00:00Z", alias="from")


class Fields(Section):
    """Where records keep what: a JSON pointer (``/request/id``) or a column."""

    noun = "a field of a record"

    id: String | None = None
    timestamp: String | None = None
    model: String | None = None
    version: String | None = None
    role: String | None = None
    features: String | None = None
    prediction: String | None = None
    probabilities: String | None = None
    confidence: String | None = None
    label: String | None = None
    group: String | None = None
    item: String | None = None
    score: String | None = None


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
    path: String | None = None
    kind: Annotated[Kind, OneOf("a kind of source")] | None = None  # its name, if that is a kind
    format: Annotated[Format, OneOf("a format")] | None = None  # topics: json; files: by suffix
    columns: Strings | None = None
    time: EventTime | None = None
    out_of_orderness: DurationOrZero = written("5 s")
    idle: Duration = written("30 s")
    max_skew: Duration = written("1 h")
    start: Annotated[str, BeforeValidator(_start)] = "committed"
    model: String | None = None
    version: String | None = None
    fields: Fields = Fields()
    carries: Strings | None = None


class Sources(Section, extra="allow"):
    """Sources by name, and what happens to records of models that the file does not name."""

    __pydantic_extra__: dict[str, Source] = Field(init=False)

    on_unknown_model: Annotated[Literal["ignore", "dead_letter"], OneOf("a rule")] = "ignore"


class Sink(Section):
    """A topic or a file."""

    topic: String | None = None
    path: String | None = None


class DeadLetters(Sink):
    """Records that could not be used; with their raw bytes only if asked, which may hold personal data."""

    payload: Annotated[Literal["none", "full"], OneOf("a payload")] = "none"


OFF = {"enum": ["none", "off", False]}  # to an editor, off is false


def _off(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() in ("none", "off", "false") else value


class Sinks(Section):
    """What comes out, and where it goes; without a word about it, to topics if there are brokers, else to files."""

    events: Sink | None = None
    summaries: Annotated[Sink | None, BeforeValidator(_off), Also(OFF)] = None
    dead_letters: Annotated[DeadLetters | None, BeforeValidator(_off), Also(OFF)] = None


class Control(Section):
    """Where people and pipelines tell the job something: acknowledge, mute, answer."""

    topic: String | None = None  # drift-control, if there is no path
    path: String | None = None  # read once, when a run begins


class File(Section):
    """The whole file."""

    job: Job = Job()
    kafka: Kafka | None = None
    include: Strings = ()
    sources: Sources
    sinks: Sinks = Sinks()
    control: Control | None = None
    defaults: Settings | None = None
    groups: dict[str, Group] = Field(default_factory=dict)
    models: Annotated[dict[str, Model], BeforeValidator(not_empty)]
    actions: tuple[Action, ...] = ()
    store: Store | None = None
