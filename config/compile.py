"""From the file as it was read to the plan that the job follows."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

import msgspec

from config.availability import unavailable
from config.compile_model import located, model_plan, with_labels, with_records
from config.durations import time_ms
from config.models import Control, File, Format, Job, Kind, Sink, Source
from config.paths import resolve
from config.plan import (
    ControlPlan,
    FieldsPlan,
    JobPlan,
    Plan,
    SinkPlan,
    SourcePlan,
    TimePlan,
)

SUFFIXES: dict[str, Format] = {
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
TOPICS = {"events": "drift-events", "summaries": "drift-summaries", "dead_letters": "drift-dead-letters"}
FILES = {"events": "events.jsonl", "summaries": "summaries.jsonl", "dead_letters": "dead-letters.jsonl"}
OUT = "out"  # folder of the sinks' files when nothing is said about sinks


def compiled(file: File, directory: Path) -> Plan:
    """Compile a file in which everything fits together.

    Parameters
    ----------
    file : File
        The configuration.
    directory : Path
        Its folder, absolute: relative names of files become names in it.

    Returns
    -------
    Plan
        Without secrets.
    """
    sources = file.sources.__pydantic_extra__ or {}
    models = tuple(
        with_labels(with_records(model_plan(name, model), sources), model, sources, file.job.pane)
        for name, model in file.models.items()
    )
    plan = Plan(
        job=_job(file.job, directory),
        sources=tuple(_source(name, source, file, directory) for name, source in sources.items()),
        on_unknown_model=file.sources.on_unknown_model,
        events=_events(file, directory),
        summaries=_sink(file, "summaries", directory),
        dead_letters=_sink(file, "dead_letters", directory),
        control=_control(file.control, directory) if file.control else None,
        models=models,
        unavailable=tuple(unavailable(file)),
    )
    placed = tuple(located(model, directory) for model in models)
    return msgspec.structs.replace(plan, models=placed, configuration_id=_configuration_id(plan))


def file_format(source: Source) -> Format | None:
    """Return the format of a source, None if it is not said and the name of the files does not tell it."""
    if source.topic or not source.path:
        return source.format or "json"
    if source.format:
        return "jsonl" if source.format == "json" else source.format
    name = PurePosixPath(source.path.lower())
    if name.suffix == ".gz" and name.with_suffix("").suffix != ".parquet":  # Parquet packs its columns itself
        name = name.with_suffix("")
    return SUFFIXES.get(name.suffix)


def _configuration_id(plan: Plan) -> str:
    """Hash what decides about the events of given records.

    Not where records come from and go to, nor how many processes there are: a backtest and the job have one id.
    Names of files count as they are written, so that the place of a checkout does not matter.
    """
    decisive = (plan.job.name, plan.job.environment, plan.job.pane_ms, plan.on_unknown_model, plan.models)
    return "sha256:" + hashlib.sha256(msgspec.json.encode(decisive, order="sorted")).hexdigest()


def _control(control: Control, directory: Path) -> ControlPlan:
    if control.path is not None:
        return ControlPlan(path=resolve(directory, control.path))
    return ControlPlan(topic=control.topic or "drift-control")


def _job(job: Job, directory: Path) -> JobPlan:
    return JobPlan(
        name=job.name,
        environment=job.environment,
        parallelism=job.parallelism,
        pane_ms=job.pane,
        checkpoint_every_ms=job.checkpoints.every,
        checkpoint_dir=resolve(directory, job.checkpoints.dir),
        state=job.state,
        delivery=job.delivery,
        cluster=job.cluster,
        logs=job.logs,
    )


def _source(name: str, source: Source, file: File, directory: Path) -> SourcePlan:
    kinds: dict[str, Kind] = {"predictions": "predictions", "labels": "labels", "features": "features"}
    kind = source.kind or kinds[name]
    form = file_format(source) or "json"
    return SourcePlan(
        name=name,
        kind=kind,
        topic=source.topic,
        path=resolve(directory, source.path) if source.path else None,
        format=form,
        columns=source.columns,
        time=_time(source),
        out_of_orderness_ms=source.out_of_orderness,
        idle_ms=source.idle,
        max_skew_ms=source.max_skew,
        start=source.start,
        model=source.model or _only_model(source, file),
        version=source.version,
        fields=_fields(source, kind, form, file),
        carries=source.carries,
    )


def _only_model(source: Source, file: File) -> str | None:
    """The model of a table whose columns do not name one, when there is but one."""
    named = source.columns is None or source.fields.model or "model" in source.columns
    return None if named or len(file.models) > 1 else next(iter(file.models))


def _time(source: Source) -> TimePlan:
    if source.time and source.time.every:
        return TimePlan(kind="every", every_us=source.time.every, from_ms=time_ms(source.time.from_))
    if source.time and source.time.kind:
        return TimePlan(kind=source.time.kind)
    return TimePlan(kind="kafka" if source.topic else "payload")


def _fields(source: Source, kind: Kind, form: Format, file: File) -> FieldsPlan:
    """Places as they are written; in a table the default is the column of the field's name, features are columns.

    Where all is of rankings, the item is the id within its group, if a place is given, and its score the prediction.
    """
    given = {name: place for name, place in source.fields if place is not None}
    models = [model for name, model in file.models.items() if source.model in (None, name)]
    ranked = bool(models) and all(model.prediction and model.prediction.task == "ranking" for model in models)
    if ranked and "item" in given:
        given.setdefault("id", given["item"])
    if form in ("csv", "parquet"):
        given = {**{name: name for name in FieldsPlan.__struct_fields__}, "features": "", **given}
    if ranked and source.fields.prediction is None and kind != "labels":
        given["prediction"] = given.get("score", FieldsPlan().score)
    return FieldsPlan(**given)


def _events(file: File, directory: Path) -> SinkPlan:
    sink = file.sinks.events or _default_sink(file, "events")
    return SinkPlan(topic=sink.topic, path=resolve(directory, sink.path) if sink.path else None)


def _sink(file: File, name: str, directory: Path) -> SinkPlan | None:
    """A sink beside the events; None if the file says ``none``."""
    if name in file.sinks.model_fields_set and getattr(file.sinks, name) is None:
        return None
    sink: Sink = getattr(file.sinks, name) or _default_sink(file, name)
    path = resolve(directory, sink.path) if sink.path else None
    return SinkPlan(topic=sink.topic, path=path, payload=getattr(sink, "payload", "none"))


def _default_sink(file: File, name: str) -> Sink:
    """Where the events go, the others go too: a topic, or a file in their folder."""
    events = file.sinks.events
    if events.topic if events else file.kafka:
        return Sink(topic=TOPICS[name])
    folder = events.path.rpartition("/")[0] if events and events.path else OUT
    return Sink(path=f"{folder}/{FILES[name]}" if folder else FILES[name])
