"""Reference data of one model: which records belong to it, what its versions and times are, what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.errors import did_you_mean
from config.plan import FieldsPlan, ModelPlan, Plan, SourcePlan
from operators.profiles.season import Calendar
from operators.profiles.signal_values import WATCHED
from operators.reading.columns import Column, Columns, extract, listed, names
from operators.reading.csv_rows import Malformed
from operators.reading.files import Format, guess_format
from operators.reading.plain_times import NO_TIME
from operators.reading.values import Gap, event_time
from schemas.errors import DataError, UsageError


def _like(plan: Plan, model: str) -> SourcePlan:
    """The source that carries the model's records, or one of the default shape."""
    candidates = [s for s in plan.sources if s.kind != "labels" and s.model in (None, model)]
    candidates.sort(key=lambda source: (source.kind != "predictions", source.model is None))
    return candidates[0] if candidates else SourcePlan(name="predictions", kind="predictions")


def file_source(plan: Plan, model: str, data: str) -> SourcePlan:
    """Say how reference data in files are read: like the source that carries the model's records.

    Parameters
    ----------
    plan
        Of the whole configuration.
    model
        Name of the model.
    data
        Path, glob or URL.

    Raises
    ------
    UsageError
        The suffix of the data tells no format, and neither does the source.
    """
    return _reading(_like(plan, model), data)


def label_source(plan: Plan, model: str, data: str | None) -> SourcePlan:
    """Say how labels are read, which are in files unless ``data`` is None: like the source of the model's labels.

    Raises
    ------
    UsageError
        The suffix of the data tells no format, and neither does the source.
    """
    candidates = [s for s in plan.sources if s.kind == "labels" and s.model in (None, model)]
    candidates.sort(key=lambda source: source.model is None)
    like = candidates[0] if candidates else SourcePlan(name="labels", kind="labels")
    if data is not None:
        return _reading(like, data)
    fields = like.fields if like.topic is not None else FieldsPlan()
    return msgspec.structs.replace(like, path=None, format="json", fields=fields, columns=None)


def _reading(like: SourcePlan, data: str) -> SourcePlan:
    form: Format | None = guess_format(data)
    if form is None and like.path is not None and like.format != "json":
        form = like.format
    if form is None:
        msg = f"{data}: the suffix tells no format (.jsonl, .csv, .parquet, the first two also with .gz); rename it"
        raise UsageError(msg)
    tables = ("csv", "parquet")
    return msgspec.structs.replace(
        like,
        topic=None,
        path=data,
        format=form,
        fields=FieldsPlan() if like.format in tables and form not in tables else like.fields,
        columns=like.columns if form == "csv" else None,
        carries=None,
    )


def topic_source(plan: Plan, model: str, topic: str) -> SourcePlan:
    """Say how reference data in a topic are read: like that topic's source, or else the model's."""
    of_topic = [source for source in plan.sources if source.topic == topic and source.kind != "labels"]
    like = of_topic[0] if of_topic else _like(plan, model)
    fields = like.fields if like.topic is not None else FieldsPlan()
    return msgspec.structs.replace(
        like, topic=topic, path=None, format="json", fields=fields, columns=None, carries=None
    )


def check_columns(path: str, columns: Sequence[str], model: ModelPlan) -> None:
    """Raise DataError unless a table has a column for each feature."""
    watched = dict.fromkeys(f.field for f in model.features if f.type in WATCHED)
    lacking = [name for name in watched if name not in columns]
    if lacking:
        shown = ", ".join(repr(name) for name in lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        there = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
        near = did_you_mean(lacking[0], columns) or "; correct the names under 'features'"
        msg = f"{path}: has no column {shown} ({there}){near}"
        raise DataError(msg)


class ReferenceData:
    """Picks the records of a model version out of blocks of data and keeps account of the rest.

    Parameters
    ----------
    model
        The model.
    source
        How its records are read.
    version
        Only its records; without it, those of all versions, of which there must not be two.
    several
        There may be.
    """

    def __init__(
        self, model: ModelPlan, source: SourcePlan, version: str | None = None, *, several: bool = False
    ) -> None:
        self._model, self._source = model, source
        self._wanted, self._several = version, several
        fields = dict.fromkeys(field for segment in model.segments for field in segment.fields)
        self._others = list(fields)
        self._features = list(dict.fromkeys([*(f.field for f in model.features), *fields]))
        self._calendar = Calendar(model.season) if model.season else None
        self.read = 0  # records
        self.used = 0
        self.dead = 0
        self.ignored = 0  # in a span that the season ignores
        self.untimed = 0  # without a time
        self.disordered = 0  # earlier than one before them, by more than the source says that may be
        self.first_error: tuple[int, str] | None = None  # number of the record, what is wrong
        self.other_models: Counter[str] = Counter()
        self.versions: set[str] = set()
        self.start_ms: int | None = None
        self.end_ms: int | None = None
        self.times_ms: npt.NDArray[np.int64] | None = None  # of the records selected last

    @property
    def version(self) -> str | None:
        """The version whose records these are; None where neither they nor the source name one."""
        return self._wanted or self._source.version or next(iter(self.versions), None)

    def select(
        self,
        records: Sequence[bytes] | pa.Table,
        malformed: Sequence[Malformed] = (),
        times_ms: Sequence[int] | None = None,
    ) -> Columns:
        """Take the model's records of a block, in columns.

        Parameters
        ----------
        records
            Lines of JSON or a table.
        malformed
            Rows of the table that could not be read.
        times_ms
            Event times of the records, where they do not come from the records themselves.

        Raises
        ------
        DataError
            There are records of a second version.
        """
        first = self.read
        columns = extract(records, self._source, self._features, self._others)
        if malformed:
            keep = np.ones(len(columns.rows), np.bool_)
            keep[[row for row, _, _ in malformed]] = False
            columns = columns.take(keep)
        errors = sorted([*columns.errors, *((row, error) for row, error, _ in malformed)])
        if errors and self.first_error is None:
            self.first_error = (self.read + errors[0][0], errors[0][1])
        self.read += len(records)
        self.dead += len(errors)
        columns = self._of_model(columns)
        columns = self._of_version(columns)
        self._follow_times(columns, times_ms, first)
        if self._calendar is not None and self.times_ms is not None:
            keep = ~self._calendar.ignored(self.times_ms)
            self.ignored += int(len(keep) - keep.sum())
            columns, self.times_ms = columns.take(keep), self.times_ms[keep]
        if self.times_ms is not None:
            self.untimed += int((self.times_ms == NO_TIME).sum())
        self.used += len(columns.rows)
        return columns

    def _of_model(self, columns: Columns) -> Columns:
        column = columns.fields.get("model")
        if self._source.model is not None or column is None:
            return columns
        models = names(column)
        others = [m for m in models if isinstance(m, str) and m != self._model.name]
        self.other_models.update(others)
        # A record that names no model may come from training data that knows of one model only.
        return columns.take(np.array([m == self._model.name or m is Gap.MISSING for m in models], np.bool_))

    def _of_version(self, columns: Columns) -> Columns:
        column: Column | None = columns.fields.get("version")
        if self._source.version is not None or column is None or self._several:
            return columns
        versions = names(column)
        if self._wanted is not None:
            return columns.take(np.array([v == self._wanted or v is Gap.MISSING for v in versions], np.bool_))
        self.versions.update(v for v in versions if not isinstance(v, Gap))
        if len(self.versions) > 1:
            some = ", ".join(sorted(self.versions)[:5])
            place = self._source.path or self._source.topic
            msg = f"{place}: has records of several versions ({some}); say which one with --version"
            raise DataError(msg)
        return columns

    def _follow_times(self, columns: Columns, times_ms: Sequence[int] | None, first: int) -> None:
        time = self._source.time
        if time.kind == "unknown":
            return
        if time.kind == "every":
            times = time.from_ms + (first + columns.rows) * time.every_us // 1_000
        elif times_ms is not None:
            times = np.array(times_ms, np.int64)[columns.rows]
        else:
            texts = self._source.format == "csv"
            read = [event_time(value, texts=texts) for value in listed(columns.fields.get("timestamp", []))]
            times = np.array([NO_TIME if isinstance(time, Gap) else time for time in read], np.int64)
        self.times_ms = times if len(times) else None
        known = times[times != NO_TIME]
        if not len(known):
            return
        latest = np.maximum.accumulate(known if self.end_ms is None else np.maximum(known, self.end_ms))
        self.disordered += int((known < latest - self._source.out_of_orderness_ms).sum())
        earliest = int(known.min())
        self.start_ms = earliest if self.start_ms is None else min(self.start_ms, earliest)
        self.end_ms = int(latest[-1])
