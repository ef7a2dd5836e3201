"""What must hold between the parts of a configuration; each part alone is checked by its section."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from config.actions import ACTIONS, Action
from config.availability import record_sources
from config.compile import file_format
from config.errors import Path, Problem, did_you_mean
from config.model import Model
from config.model_checks import model_problems
from config.models import EventTime, File, Kafka, Kind, Security, Sink, Source

TABLES = ("csv", "parquet")
MOST_BY = 16  # sources whose labels are watched for themselves, each a test
KINDS: tuple[Kind, ...] = ("predictions", "labels", "features")


def problems_between(file: File, broken: Collection[str], names: Collection[str]) -> Iterator[Problem]:
    """Find what does not fit together.

    Parameters
    ----------
    file : File
        The parts that are right by themselves.
    broken : collection of str
        Keys of the file (``kafka``, ``models``) in which parts were left out because they are wrong themselves.
    names : collection of str
        All models of the file, those that were left out too.
    """
    sources = file.sources.__pydantic_extra__ or {}
    has_kafka = file.kafka is not None or "kafka" in broken
    if "sources" not in broken and not any((source.kind or name) != "labels" for name, source in sources.items()):
        yield Problem(("sources",), "has no source of predictions or features, as in 'predictions: {topic: NAME}'")
    for name, source in sources.items():
        yield from _source_problems(("sources", name), source, has_kafka)
        yield from _reference_problems(("sources", name), source, file, names)
    for name, sink in (
        ("events", file.sinks.events),
        ("summaries", file.sinks.summaries),
        ("dead_letters", file.sinks.dead_letters),
    ):
        if sink:
            yield from _place_problems(("sinks", name), sink, has_kafka)
            reader = next((name for name, source in sources.items() if sink.topic and source.topic == sink.topic), None)
            if reader:
                message = f"'{sink.topic}' is also the topic of source '{reader}'; the job would read what it writes"
                yield Problem(("sinks", name, "topic"), message)
    if file.control and file.control.topic and file.control.path:
        yield Problem(("control",), "has both 'topic' and 'path'; keep one")
    elif file.control and not file.control.path and not has_kafka:
        yield Problem(("control", "topic"), NO_BROKERS)
    if file.kafka:
        yield from _security_problems(file.kafka)
    for name, model in file.models.items():
        yield from model_problems(("models", name), name, model, file.job.pane)
        yield from _label_problems(("models", name), name, model, sources)
        yield from _duplicate_problems(("models", name), name, model, sources)
    for index, action in enumerate(file.actions):
        yield from _action_problems(("actions", index), action, names)
        if action.name and action.name in [other.name for other in file.actions[:index]]:
            yield Problem(("actions", index, "name"), f"'{action.name}' is the name of another action as well")


def _label_problems(path: Path, name: str, model: Model, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """What `labels.by` names has to be sources of the model's labels, each once."""
    by = model.labels.by if model.labels else ()
    of = [key for key, one in sources.items() if (one.kind or key) == "labels" and one.model in (None, name)]
    where = (*path, "labels", "by")
    for index, source in enumerate(by):
        if source not in of:
            near = did_you_mean(source, of)
            yield Problem(
                (*where, index), f"'{source}' is not a source of its labels ({', '.join(of) or 'none'}){near}"
            )
        elif source in by[:index]:
            yield Problem((*where, index), f"'{source}' is given twice")
    if len(by) > MOST_BY:
        yield Problem(where, f"names {len(by)} sources (at most {MOST_BY})")
    if by and not model.performance:
        yield Problem(where, "is watched where 'performance' is computed; name a measure")


def _duplicate_problems(path: Path, name: str, model: Model, sources: Mapping[str, Source]) -> Iterator[Problem]:
    """That it can be told which of the records of an id are the same one again."""
    quality = model.quality
    asked = quality is not None and quality.duplicates and "duplicates" in quality.model_fields_set
    if asked and model.prediction is None and record_sources(name, sources) > 1:
        message = "counts predictions where records come from several sources; give 'prediction', or leave it out"
        yield Problem((*path, "quality", "duplicates"), message)


NO_BROKERS = "is a topic, and there are no brokers; give 'kafka: {bootstrap: HOST:PORT}'"


def _place_problems(path: tuple[str, ...], place: Source | Sink, has_kafka: bool) -> Iterator[Problem]:
    if place.topic and place.path:
        yield Problem(path, "has both 'topic' and 'path'; keep one")
    elif not place.topic and not place.path:
        yield Problem(path, "has neither 'topic' nor 'path'; give one")
    elif place.topic and not has_kafka:
        yield Problem((*path, "topic"), NO_BROKERS)


def _source_problems(path: tuple[str, ...], source: Source, has_kafka: bool) -> Iterator[Problem]:
    yield from _place_problems(path, source, has_kafka)
    if source.kind is None and path[-1] not in KINDS:
        near = did_you_mean(path[-1], KINDS)
        yield Problem(path, f"has no 'kind', and '{path[-1]}' is none ({', '.join(KINDS)}){near}")
    form = file_format(source)
    if source.topic and source.format and source.format != "json":
        yield Problem((*path, "format"), f"'{source.format}' is not a format of a topic (json)")
    if source.path and not source.topic and form is None:
        message = f"'{source.path}' has a suffix that tells no format; give one, as in 'format: csv'"
        yield Problem((*path, "path"), message)
    if source.time:
        yield from _time_problems((*path, "time"), source, source.time)
    yield from _column_problems(path, source, form)


def _time_problems(path: tuple[str, ...], source: Source, time: EventTime) -> Iterator[Problem]:
    if time.kind and time.every is not None:
        yield Problem(path, f"has both '{time.kind}' and 'every'; keep one")
    elif not time.kind and not time.every:
        yield Problem(path, "is no time (kafka, payload, or {every: 1 s, from: 2026-01-01T00:00:00Z})")
    elif source.topic and not time.kind:
        yield Problem(path, "counts rows, which is for files; a topic has 'kafka' or 'payload'")
    elif source.path and time.kind == "kafka":
        yield Problem(path, "is 'kafka', which is for topics; files have 'payload' or {every: 1 s, from: TIME}")


def _column_problems(path: tuple[str, ...], source: Source, form: str | None) -> Iterator[Problem]:
    fields = {name: place for name, place in source.fields if place is not None}
    if form in TABLES and "features" in fields:
        yield Problem((*path, "fields", "features"), f"is not for {form}, where each feature is the column of its name")
    for name, place in fields.items():
        if form not in TABLES and "~" in place.replace("~0", "").replace("~1", ""):
            message = f"'{place}' is not a JSON pointer ('~0' stands for '~' and '~1' for '/')"
            yield Problem((*path, "fields", name), message)
    if source.columns is None:
        return
    if form != "csv":
        yield Problem((*path, "columns"), "are for csv; other formats name their columns themselves")
        return
    for index, column in enumerate(source.columns):
        if column in source.columns[:index]:
            yield Problem((*path, "columns", index), f"'{column}' is given twice")
    for name, place in fields.items():
        if place not in source.columns and name != "features":
            near = did_you_mean(place, source.columns)
            yield Problem((*path, "fields", name), f"'{place}' is not a column ({', '.join(source.columns)}){near}")
    payload = not source.time or source.time.kind == "payload"
    if payload and source.path and "timestamp" not in fields and "timestamp" not in source.columns:
        message = "has no column 'timestamp'; give 'fields: {timestamp: COLUMN}' or 'time: {every: 1 s}'"
        yield Problem(path, message)


def _reference_problems(path: tuple[str, ...], source: Source, file: File, names: Collection[str]) -> Iterator[Problem]:
    """Models and features that a source names."""
    if source.model and source.model not in names:
        near = did_you_mean(source.model, names)
        yield Problem((*path, "model"), f"'{source.model}' is not a model ({', '.join(names)}){near}")
    elif not source.model and len(names) > 1 and source.columns is not None:
        if not source.fields.model and "model" not in source.columns:
            message = f"has no column 'model', and there are several models ({', '.join(names)})"
            yield Problem(path, f"{message}; give 'model: NAME' or 'fields: {{model: COLUMN}}'")
    read = [source.model] if source.model else list(names)
    features: set[str] = set()
    for name in read:
        model = file.models.get(name)
        if model is None or not isinstance(model.features, dict):
            return  # left out as it is wrong itself, or known only with its profile
        features |= model.features.keys()
    for index, feature in enumerate(source.carries or ()):
        if feature not in features:
            near = did_you_mean(feature, features)
            yield Problem((*path, "carries", index), f"'{feature}' is not a feature of {' or '.join(read)}{near}")


def _security_problems(kafka: Kafka) -> Iterator[Problem]:
    path, security = ("kafka", "security"), kafka.security
    sasl, tls = security.protocol.startswith("SASL"), security.protocol.endswith("SSL")
    for name in ("mechanism", "username", "password"):
        if sasl and not getattr(security, name):
            yield Problem(path, f"has no '{name}', which {security.protocol} needs")
        if not sasl and getattr(security, name):
            yield Problem((*path, name), f"is for SASL_PLAINTEXT and SASL_SSL, not {security.protocol}")
    for name in ("ca", "certificate", "key", "key_password"):
        if not tls and getattr(security, name):
            yield Problem((*path, name), f"is for SSL and SASL_SSL, not {security.protocol}")
    yield from _pair_problems(path, security)


def _pair_problems(path: tuple[str, ...], security: Security) -> Iterator[Problem]:
    if bool(security.certificate) != bool(security.key):
        given, other = ("certificate", "key") if security.certificate else ("key", "certificate")
        yield Problem((*path, given), f"needs '{other}' as well")


def _action_problems(path: tuple[str | int, ...], action: Action, names: Collection[str]) -> Iterator[Problem]:
    if len(action.given) != 1:
        given = " and ".join(action.given)
        yield Problem(path, f"has {given}; keep one" if given else f"does nothing; give one of {', '.join(ACTIONS)}")
    for index, pattern in enumerate(action.models or ()):
        if not any(fnmatchcase(name, pattern) for name in names):
            yield Problem((*path, "models", index), f"'{pattern}' matches no model ({', '.join(names)})")
