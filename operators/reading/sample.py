"""A look into data files whose shape nobody has told: how they are read, and what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import PurePosixPath
from typing import Any

import msgspec
import pyarrow as pa

from config.plan import PredictionPlan, SourcePlan
from operators.reading import csv_rows
from operators.reading.block_reader import BlockReader, check_header
from operators.reading.files import guess_format, list_blocks, list_paths, opened, reading, row_ends
from operators.reading.inference import Guess, by_member, documents, guess_fields, guess_prediction, guess_type
from operators.reading.values import Gap, category, numeric
from schemas.errors import DataError, UsageError

BLOCKS = 5  # looked at, from the first to the last: types may show late
MODELS = 50  # of the data; more than that are no names of models


class ModelSample(msgspec.Struct, frozen=True):
    """What the records of one model look like."""

    name: str
    features: Mapping[str, Guess]
    prediction: PredictionPlan | None


class Sample(msgspec.Struct, frozen=True):
    """What data look like."""

    source: SourcePlan
    header: bool  # of a CSV
    fields: Mapping[str, str]  # fields found -> column, or key at the top level
    features_at: str  # JSON: where the features are
    named: bool  # records name their model
    models: tuple[ModelSample, ...]


def look(data: str) -> Sample:
    """Look at files: a path, glob or URL.

    Raises
    ------
    UsageError
        The suffix tells no format.
    DataError
        The files cannot be read or hold no records.
    """
    form = guess_format(data)
    if form is None:
        msg = f"{data}: the suffix tells no format (.jsonl, .csv, .parquet, the first two also with .gz); rename it"
        raise UsageError(msg)
    source = SourcePlan(name="predictions", kind="predictions", path=data, format=form)
    header = True
    if form == "csv":
        header, columns = _header(data)
        source = source if header else msgspec.structs.replace(source, columns=columns)
    texts = form == "csv"
    records = _some_records(source)
    top = by_member(records)
    features_at = _features_at(top) if form == "jsonl" else ""
    fields = guess_fields({name: values for name, values in top.items() if name != features_at}, texts=texts)
    models = list(map(category, top[fields["model"]])) if "model" in fields else []
    known = [name for name, _ in Counter(name for name in models if isinstance(name, str)).most_common()]
    if len(known) > MODELS:
        del fields["model"]
        known = []
    if features_at:
        candidates = by_member([record.get(features_at) for record in records])
    else:
        taken = {"", *fields.values()}  # a column without a name is the index that pandas wrote
        candidates = {name: values for name, values in top.items() if name not in taken}
    predictions = top[fields["prediction"]] if "prediction" in fields else []
    samples = []
    for name in known or [_stem(data)]:
        keep = [other == name for other in models] if known else [True] * len(records)
        samples.append(_model(name, keep, candidates, predictions, texts))
    return Sample(
        source=source,
        header=header,
        fields=fields,
        features_at=features_at,
        named=bool(known),
        models=tuple(samples),
    )


def _header(data: str) -> tuple[bool, tuple[str, ...]]:
    """Whether the first row names columns, and the names: its cells, or numbers for them."""
    path = list_paths(data)[0]
    with reading(path):
        end = next(row_ends(path, quotes=True), 0)
        with opened(path) as file:
            cells = csv_rows.header(file.read(end))
    if not cells:
        msg = f"{path}: is empty (a header and rows)"
        raise DataError(msg)
    # A header has a name in every cell; one may be empty, as where pandas wrote its index.
    named = all(isinstance(numeric(cell, texts=True), Gap) for cell in cells) and cells.count("") <= 1
    if named and (len(set(cells)) == len(cells) or not _come_again(path, cells)):
        check_header(path, cells)
        return True, cells
    return False, tuple(f"column_{number}" for number in range(1, len(cells) + 1))


def _come_again(path: str, cells: tuple[str, ...]) -> bool:
    """Whether one that stands twice in the first row stands in its column again, as names of columns do not."""
    source = SourcePlan(
        name="", kind="predictions", path=path, format="csv", columns=tuple(map(str, range(len(cells))))
    )
    block = list_blocks(source)[0]
    rows = BlockReader(source).read(block).records
    assert isinstance(rows, pa.Table), "of a CSV"
    pairs = zip(cells, rows.columns, strict=True)
    return any(cells.count(cell) > 1 and cell in column.to_pylist()[1:] for cell, column in pairs)


def _some_records(source: SourcePlan) -> list[dict[str, Any]]:
    blocks = list_blocks(source)
    chosen = {round(i * (len(blocks) - 1) / (BLOCKS - 1)) for i in range(BLOCKS)} if blocks else set()
    reader = BlockReader(source)
    records: list[dict[str, Any]] = []
    for number in sorted(chosen):
        rows = reader.read(blocks[number])
        if isinstance(rows.records, pa.Table):
            keep = [True] * len(rows.records)
            for row, _, _ in rows.malformed:
                keep[row] = False
            records += compress(rows.records.to_pylist(), keep)
        else:
            records += documents(rows.records)
    reader.close()
    if not records:
        what = "JSON objects, one a line" if source.format == "jsonl" else "rows"
        msg = f"{source.path}: holds no records ({what})"
        raise DataError(msg)
    return records


def _features_at(top: Mapping[str, Sequence[Any]]) -> str:
    """Key of the object that holds the features; nothing where the record itself does."""
    objects = [name for name, values in top.items() if sum(isinstance(v, dict) for v in values) > len(values) / 2]
    usual = [name for name in ("features", "inputs", "input", "data") if name in objects]
    return usual[0] if usual else ""


def _model(
    name: str,
    keep: Sequence[bool],
    candidates: Mapping[str, Sequence[Any]],
    predictions: Sequence[Any],
    texts: bool,
) -> ModelSample:
    features = {
        feature: guess_type(list(compress(values, keep)), texts=texts) if feature else Guess(None, "has no name")
        for feature, values in candidates.items()
    }
    return ModelSample(name, features, guess_prediction(list(compress(predictions, keep)), texts=texts))


def _stem(data: str) -> str:
    """Name of a file as the name of a model."""
    stem = PurePosixPath(data).name.split(".")[0]
    kept = "".join(c if c.isalnum() or c in "_-" else "-" for c in stem).strip("-")
    return kept or "model"
