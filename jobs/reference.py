"""Making a profile: reference data of a model, from files or a topic, through the builder to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version as installed
from pathlib import PurePosixPath

import msgspec

from config import Configuration
from config.errors import did_you_mean
from config.plan import ModelPlan, SourcePlan, TimePlan
from jobs.labelled_parts import with_labelled_parts
from jobs.pieces import TOPIC, Piece, reference_pieces
from operators.encoding.measures import YardstickMaker
from operators.profiles.field_counts import FieldCounts
from operators.profiles.profiling import ProfileBuilder
from operators.profiles.reference_data import ReferenceData
from operators.profiles.references import UNVERSIONED
from operators.profiles.remarks import remarks
from operators.profiles.slicing import SliceCounter
from operators.quality.field_reference import watches_fields
from operators.reading.columns import Columns
from operators.reading.inference import infer_features
from schemas import cloudevents
from schemas.errors import DataError, UsageError
from schemas.profile import Profile, Provenance

UNKNOWN = TimePlan(kind="unknown")

Progress = Callable[[int | None], AbstractContextManager[Callable[[int], None]]]


class Made(msgspec.Struct, frozen=True):
    """A profile and what happened on the way to it."""

    profile: Profile
    path: str  # where it belongs by the model's template
    remarks: list[str]


def model_plan(loaded: Configuration, name: str) -> ModelPlan:
    """Find a model; UsageError if the configuration has none of that name."""
    models = {model.name: model for model in loaded.plan.models}
    if name not in models:
        message = f"--model: '{name}' is not a model ({', '.join(models)}){did_you_mean(name, models)}"
        raise UsageError(message)
    return models[name]


def make_profile(
    loaded: Configuration,
    model: str,
    data: str,
    *,
    version: str | None,
    start: str | None,
    end: str | None,
    output: str | None,
    progress: Progress,
    labels: str | None = None,
    performance: str | None = None,
    unordered: bool = False,
) -> Made:
    """Profile the reference data of a model.

    Parameters
    ----------
    loaded
        The configuration.
    model, data, version, start, end, output, labels, performance, unordered
        As given to ``tidemark profile``.
    progress
        Is told how many records there will be, and gives what is told of each piece.

    Raises
    ------
    UsageError
        There is no such model, or the arguments do not fit together.
    DataError
        The data cannot be read, or have nothing to do with the model.
    BrokerError
        The broker does not answer, or the topic is not there.
    """
    plan = model_plan(loaded, model)
    pieces = reference_pieces(loaded, plan, data, start, end)
    if unordered:
        pieces = msgspec.structs.replace(pieces, source=msgspec.structs.replace(pieces.source, time=UNKNOWN))
    source = pieces.source
    plan = _with_features(plan, pieces.read, source)

    def read(use: Callable[[Columns, ReferenceData], None], fields: FieldCounts | None = None) -> ReferenceData:
        reference = ReferenceData(plan, source, version)
        with progress(pieces.total) as advance:
            for piece in pieces.read():
                columns = reference.select(piece.records, piece.malformed, piece.times_ms)
                use(columns, reference)
                if fields is not None:
                    fields.add(piece.records, columns.rows.tolist())
                advance(len(piece.records))
        return reference

    maker = YardstickMaker(plan)
    texts = source.format == "csv"
    before = None
    if maker.needed:
        before = read(lambda columns, reference: maker.add(columns, texts=texts, times_ms=reference.times_ms))
    yardsticks = maker.build()
    builder = ProfileBuilder(plan, yardsticks=yardsticks)
    fields = FieldCounts(source) if watches_fields(plan) else None
    reference = read(lambda columns, reference: builder.add(columns, source, reference.times_ms), fields)
    if not reference.used:
        message = f"{data}: has no records of {model}{_why(reference)}" if reference.read else f"{data}: has no records"
        raise DataError(message)
    if before is not None:
        _check_unchanged(data, model, before, reference, "to measure it")
    made = builder.build(_provenance(data, reference), reference.version)
    if fields is not None:
        made = msgspec.structs.replace(made, fields=fields.fields(plan.disclose) or msgspec.UNSET)
    if not any(signal.count for name, signal in made.signals.items() if name.startswith("feature.")):
        message = f"{data}: no feature of {model} has a value in any of {reference.used:,} records; correct their names"
        raise DataError(message)
    if plan.season is not None and reference.start_ms is None:
        message = (
            f"{data}: no record of {model} has a time, which its season needs; give 'fields.timestamp' of the source"
        )
        raise DataError(message)
    counter = SliceCounter(plan, made, yardsticks=yardsticks)
    if counter.needed:
        again = read(lambda columns, reference: counter.add(columns, source, reference.times_ms))
        _check_unchanged(data, model, reference, again, "to count segments or seasons")
        made = counter.build(builder)
    path = output or _by_template(plan, reference.version)
    shown = performance or data
    made, about = with_labelled_parts(
        loaded,
        plan,
        made,
        (shown, pieces if performance is None else reference_pieces(loaded, plan, performance)),
        labels=labels,
        trained=performance is None,
        version=reference.version if performance is not None else version,
        progress=progress,
    )
    return Made(made, path, [*_account(reference, plan, source), *remarks(made, plan), *about])


def _check_unchanged(data: str, model: str, first: ReferenceData, again: ReferenceData, why: str) -> None:
    if again.used != first.used:
        message = (
            f"{data}: had {first.used:,} records of {model} when it was read first, and {again.used:,} when it "
            f"was read again {why}; take data that stay as they are"
        )
        raise DataError(message)


def _with_features(plan: ModelPlan, pieces: Callable[[], Iterator[Piece]], source: SourcePlan) -> ModelPlan:
    """With `features: {from: profile}` the data say what the features are."""
    if not plan.features_from_profile:
        return plan
    piece = next(pieces(), None)
    if piece is None:
        message = f"{source.path or source.topic}: has no records"
        raise DataError(message)
    features = infer_features(piece.records, source, plan.features_exclude)
    if not features:
        message = f"{source.path or source.topic}: nothing in it looks like a feature; name them under 'features'"
        raise DataError(message)
    return msgspec.structs.replace(plan, features=features)


def _why(reference: ReferenceData) -> str:
    if reference.other_models:
        return f" (but of {', '.join(name for name, _ in reference.other_models.most_common(5))})"
    if reference.first_error is not None:
        return f"; record {reference.first_error[0]}: {reference.first_error[1]}"
    return ""


def _account(reference: ReferenceData, plan: ModelPlan, source: SourcePlan) -> Iterator[str]:
    if reference.first_error is not None:
        row, error = reference.first_error
        yield f"{reference.dead:,} of {reference.read:,} records left out; the first, record {row}: {error}"
    if reference.ignored:
        yield f"{reference.ignored:,} of {reference.read:,} records left out, as the season ignores their time"
    if reference.untimed and reference.start_ms is not None:
        hint = "they are in no part of the season"
        if plan.season is None:
            hint = "autocorrelation is looked for without them; correct their times or 'fields.timestamp' of the source"
        yield f"{reference.untimed:,} of {reference.read:,} records have no time that can be read; {hint}"
    if reference.disordered and source.topic is None:  # records of several partitions need not come in order
        yield (
            f"'{source.fields.timestamp.removeprefix('/')}': {reference.disordered:,} of {reference.used:,} records "
            "are earlier than one before them; all are taken in the order of their times: if these do not say when "
            "records came, say --unordered"
        )
    if source.time.kind == "every":
        yield (
            "its rows are taken for all records in the order in which they came, as their times are counted ('time' of "
            "the source): if they were shuffled, sorted or sampled, say --unordered"
        )
    if others := reference.read - reference.dead - reference.used - reference.ignored:
        yield f"{others:,} of {reference.read:,} records are of other models or versions"


def _provenance(data: str, reference: ReferenceData) -> Provenance:
    start_ms, end_ms = reference.start_ms, reference.end_ms
    return Provenance(
        source=PurePosixPath(data.removeprefix(TOPIC)).name,
        rows=reference.used,
        start=None if start_ms is None else cloudevents.timestamp(start_ms),
        end=None if end_ms is None else cloudevents.timestamp(end_ms),
        tidemark=installed("tidemark"),
    )


def _by_template(plan: ModelPlan, version: str | None) -> str:
    if plan.reference is None:
        message = f"models.{plan.name}.reference: is learned from the stream, not read from a file; give one with -o"
        raise UsageError(message)
    return plan.reference.replace("{model}", plan.name).replace("{version}", version or UNVERSIONED)
