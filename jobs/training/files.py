"""Training data in files: rows to train on, to test with, set aside, and a manifest of all that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from config.load import Configuration
from config.plan import ModelPlan
from jobs.reference import model_plan
from jobs.training.data import TrainingData
from jobs.training.mix import Mixed
from operators.profiles.profile_files import find
from schemas.errors import DataError, ProfileError
from schemas.retraining import RetrainEvent

FORMATS = (".parquet", ".csv")
COUNTS = (
    *("read", "dead", "other", "outside", "spoiled", "erased", "duplicates", "aside", "unlabelled"),
    *("train", "test"),
)
MIXED = (*("read", "dead", "other", "outside", "erased", "duplicates", "aside", "unlabelled"), "known", "left", "taken")
PIECE = 1 << 20  # bytes read at a time for a checksum


def write(output: Path, made: TrainingData, event: RetrainEvent, loaded: Configuration) -> Iterator[str]:
    """Write the files; give a line for people about each.

    Raises
    ------
    DataError
        A file cannot be written.
    """
    files: dict[str, Any] = {}
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for name, table in (("train", made.train), ("test", made.test), ("aside", made.aside)):
            path = output if name == "train" else output.with_suffix(f".{name}{output.suffix}")
            if name != "train" and not len(table):
                path.unlink(missing_ok=True)  # of an earlier run
                continue
            _write_table(path, table)
            files[name] = {"path": path.name, "rows": len(table), "sha256": _checksum(path)}
            yield f"{path}: {len(table):,} rows{_what(name)}"
        path = output.with_suffix(".manifest.json")
        manifest = msgspec.json.encode(_manifest(made, event, loaded, files))
        path.write_bytes(msgspec.json.format(manifest, indent=2) + b"\n")
    except OSError as error:
        message = f"{error.filename or output}: cannot be written ({error.strerror or error})"
        raise DataError(message) from error
    left = {name: made.counts[name] for name in COUNTS[:-2] if made.counts[name]}
    yield f"{path}: {', '.join(f'{count:,} {name}' for name, count in left.items())}"
    if made.mixed is not None:
        yield _of_reference(made.mixed)
    gone = sum(each.get("gone", 0) for place in made.places for each in place.get("partitions", ()))
    if gone:
        yield f"the topics do not keep {gone:,} of the offsets any more"
    if loaded.plan.configuration_id != event.data.configuration:
        yield "the configuration is not the one that made the request"


def _of_reference(mixed: Mixed) -> str:
    short = f"; {mixed.wanted:,} would be" if len(mixed.rows) < mixed.wanted else ""
    return f"{len(mixed.rows):,} of the rows to train on are of the reference ({mixed.mix.share:.0%} of them{short})"


def _what(name: str) -> str:
    said = {"train": " to train on", "test": " to test with, later than those", "aside": " that break expectations"}
    return said[name]


def _write_table(path: Path, table: pa.Table) -> None:
    if path.suffix == ".csv":
        nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
        for name in nested:
            values = table[name].to_pylist()
            texts = [None if value is None else msgspec.json.encode(value).decode() for value in values]
            table = table.set_column(table.schema.get_field_index(name), name, pa.array(texts, pa.string()))
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _manifest(made: TrainingData, event: RetrainEvent, loaded: Configuration, files: dict[str, Any]) -> dict[str, Any]:
    """What was asked for and what came of it; nothing of the wall clock, so that it is the same each time."""
    data, span = event.data, event.data.train_on
    plan = model_plan(loaded, data.model)
    told: dict[str, Any] = {
        "request": data.request,
        "event": event.id,
        "model": data.model,
        "version": data.version,
        "from": span.start,
        "to": span.end,
        "exclude": msgspec.to_builtins(span.exclude),
        "labels_until": event.time,
        "test_from": made.test["timestamp"][0].as_py().isoformat() if len(made.test) else None,
        "sources": made.places,
        "counts": {name: made.counts[name] for name in COUNTS},
        "profile": _profile(plan, data.version),
        "configuration": loaded.plan.configuration_id,
        "requested_by": data.configuration,
        "files": files,
        "tidemark": installed("tidemark"),
    }
    if made.mixed is not None:
        told["reference"] = {
            "share": made.mixed.mix.share,
            "data": made.mixed.mix.data,
            "wanted": made.mixed.wanted,
            "counts": {name: made.mixed.counts[name] for name in MIXED},
            "sha256": made.mixed.checksum,
        }
    return told


def _profile(plan: ModelPlan, version: str) -> str | None:
    """Id of the version's profile, where there is one."""
    try:
        found = find(plan)
    except ProfileError:
        return None
    used = found.get(version, found.get(""))
    return used.id if used is not None else None
