"""`tidemark init`: a configuration from data."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from config.plan import PredictionPlan
from operators.reading.sample import ModelSample, Sample, look
from schemas.errors import UsageError

# Words that YAML readers may take for something else than text.
RESERVED = {"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"}
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./*-]*")
FIELD_NOTES = {"label": "the true outcome, not a feature"}


def init(
    data: Annotated[str, typer.Option("--from", metavar="DATA", help="Files: a path, glob or URL.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write; else on stdout.")
    ] = None,
) -> None:
    """Write a configuration from data: sources, models, and features with the types they seem to have.

    DATA are records as the job would see them (JSON lines, CSV or Parquet, also compressed). What could only be
    guessed has a comment; read it, correct it, then make the reference profile.

    Example: tidemark init --from predictions.csv.gz -o monitors.yaml
    """
    if data.startswith("topic:"):
        message = f"--from: '{data}' is a topic, which init cannot read yet (files); save some records to a file first"
        raise UsageError(message)
    if output is not None and output.exists():
        message = f"{output}: is there already; remove it, or write elsewhere with -o"
        raise UsageError(message)
    folder = output.parent if output is not None else Path()
    sample = look(data)
    text = "\n".join(render(sample, _seen_from(folder, data))) + "\n"
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{output}: cannot be written ({(error.strerror or str(error)).lower()})"
        raise UsageError(message) from error
    model = sample.models[0].name
    print(f"written to {output}; next: tidemark profile {output} --model {model} --data {data}", file=sys.stderr)


def _seen_from(folder: Path, data: str) -> str:
    """Path of the data as the configuration in that folder says it."""
    return data if "://" in data or os.path.isabs(data) else os.path.relpath(data, folder)


def render(sample: Sample, path: str) -> Iterator[str]:
    """The lines of a configuration."""
    yield "# A first configuration, guessed from data. 'tidemark validate' checks it and shows all defaults."
    yield "sources:"
    yield "  predictions:"
    yield "    # Of a stream: 'topic: NAME' in place of 'path', and above 'sources:' 'kafka: {bootstrap: HOST:PORT}'."
    yield f"    path: {_text(path)}"
    if not sample.header:
        columns = ", ".join(map(_text, sample.source.columns or ()))
        yield f"    columns: [{columns}]  # the file has no header: give them their names"
    if "timestamp" not in sample.fields:
        yield "    time: {every: 1 s}  # no times found: row i is i seconds after 1970-01-01T00:00:00Z"
    if not sample.named:
        yield f"    model: {_text(sample.models[0].name)}  # the records name none"
    yield from _fields(sample)
    yield "models:"
    for model in sample.models:
        yield from _model(sample, model)


def _fields(sample: Sample) -> Iterator[str]:
    """Only fields that do not stand where they are expected."""
    table = sample.source.format in ("csv", "parquet")
    lines = [
        f"      {field}: {_text(name if table else _pointer(name))}{_note(FIELD_NOTES.get(field))}"
        for field, name in sample.fields.items()
        if name != field
    ]
    if not table and sample.features_at != "features":
        place = _pointer(sample.features_at) if sample.features_at else "/"
        lines.append(f"      features: {_text(place)}")
    if lines:
        yield "    fields:  # where records keep what, if not under its name"
        yield from lines


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _model(sample: Sample, model: ModelSample) -> Iterator[str]:
    versions = "-{version}" if "version" in sample.fields else ""
    yield f"  {_key(model.name)}:"
    yield f"    reference: \"profiles/{{model}}{versions}.json\"  # made by 'tidemark profile' from training data"
    if model.prediction is not None:
        yield f"    prediction: {{{_prediction(model.prediction)}}}"
    yield "    quality: true  # watch how many values are missing, invalid or new as well"
    used = {name: guess for name, guess in model.features.items() if guess.type is not None}
    yield "    features:"
    for name, guess in used.items():
        kind = str(guess.type) if guess.dim is None else f"{{type: {guess.type}, dim: {guess.dim}}}"
        yield f"      {_key(name)}: {kind}"
    if not used:
        yield "      {}  # nothing in the data looks like a feature"
    for name, guess in model.features.items():
        if guess.type is None:
            yield f"      # {_key(name)}: left out, it {guess.remark}"


def _prediction(plan: PredictionPlan) -> str:
    positive = f", positive: {_text(plan.positive)}" if plan.positive is not None else ""
    return f"task: {plan.task}{positive}"


def _note(text: str | None) -> str:
    return f"  # {text}" if text else ""


def _text(text: str) -> str:
    """A value that is a text, in which ``${`` stands for itself."""
    return _key(text.replace("${", "$${"))


def _key(text: str) -> str:
    """A text as YAML writes it, in quotes where it might be read as something else."""
    plain = PLAIN.fullmatch(text) and "*" not in text and text.lower() not in RESERVED
    return text if plain else json.dumps(text, ensure_ascii=False)
