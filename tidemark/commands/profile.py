"""`tidemark profile`: the reference profile of a model, from data."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from config import load
from jobs.profiles import write
from jobs.reference import make_profile
from operators.labels.reference_delays import delays_text
from schemas.profile import (
    CategoricalSignal,
    Estimation,
    Fields,
    LabelDelays,
    PerformanceReference,
    Profile,
    Signal,
)
from tidemark.options import Config, From, Model, To
from tidemark.printing import columns, tell
from tidemark.progress import progress


def profile(
    config: Config,
    model: Model,
    data: Annotated[str, typer.Option(metavar="DATA", help="Files (a path, glob or URL), or topic:NAME.")],
    version: Annotated[str | None, typer.Option("--version", metavar="V", help="Only records of this version.")] = None,
    start: From = None,
    end: To = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Labels of the records, found by id; else each record's own 'label'."),
    ] = None,
    performance: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Labelled records that the model was not trained on, for the baseline."),
    ] = None,
    unordered: Annotated[
        bool,
        typer.Option(
            "--unordered", help="Rows were shuffled, sorted or sampled: take nothing from their order or times."
        ),
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to write; else the model's 'reference'."),
    ] = None,
) -> None:
    """Describe reference data of a model, usually its training data, in a profile.

    The data have the shape of the source that carries the model's records: JSON lines, CSV or Parquet, also
    compressed. Feature types are those of the configuration. What looks wrong is said on stderr.

    Example: tidemark profile monitors.yaml --model churn --data train.csv.gz
    """
    made = make_profile(
        load(config),
        model,
        data,
        version=version,
        start=start,
        end=end,
        output=output,
        labels=labels,
        performance=performance,
        unordered=unordered,
        progress=lambda total: progress("records", total),
    )
    write(made.path, made.profile)
    for line in made.remarks:
        tell(line)
    print(*describe(made.profile), sep="\n")
    print(f"written to {_shown(made.path)}")


def describe(profile: Profile) -> list[str]:
    """Say in a few lines what a profile holds."""
    name = profile.model if profile.version is None else f"{profile.model} {profile.version}"
    lines = [f"{name}: {profile.provenance.rows:,} records of {profile.provenance.source}"]
    if profile.provenance.start is not None:
        lines[0] += f", {profile.provenance.start} to {profile.provenance.end}"
    head = ("signal", "type", "values", "missing", "")
    lines += columns([head, *map(_row, *zip(*profile.signals.items(), strict=True))], right=(2, 3))
    lines += [f"segments by {fields}: {len(values):,}" for fields, values in profile.segments.items()]
    if isinstance(profile.fields, Fields):
        more = f", and {profile.fields.rest:,} rare ones" if profile.fields.rest else ""
        lines.append(f"fields of records: {len(profile.fields.named):,}{more}")
    if isinstance(profile.performance, PerformanceReference):
        lines += _performance(profile.performance)
    if isinstance(profile.labels, LabelDelays):
        lines.append(delays_text(profile.labels))
    if isinstance(profile.estimation, Estimation):
        where = " (the profile's own data)" if profile.estimation.trained else ""
        lines.append(f"performance is estimated from {profile.estimation.score.count:,} labelled records{where}")
    return [*lines, profile.id]


def _performance(found: PerformanceReference) -> list[str]:
    shown = [("performance", "labels", "value", "+-")]
    for name, measure in found.measures.items():
        value, error = (("undefined" if x is None else f"{x:.3g}") for x in (measure.value, measure.error))
        shown.append((name, f"{measure.count:,}", value, "" if measure.value is None else error))
    where = " (the profile's own data)" if found.trained else ""
    return [f"performance of {found.source}{where}: {found.labels:,} labels", *columns(shown, right=(1, 2, 3))]


def _row(name: str, signal: Signal) -> tuple[str, ...]:
    total = signal.count + signal.missing + signal.invalid
    missing = f"{signal.missing / total:.1%}" if total else "-"
    kind = "categorical" if isinstance(signal, CategoricalSignal) else "discrete" if signal.discrete else "numeric"
    return name, kind, f"{signal.count:,}", missing, _content(signal)


def _content(signal: Signal) -> str:
    if not signal.count:
        return ""
    if isinstance(signal, CategoricalSignal):
        shown = ", ".join(f"{name} {count / signal.count:.0%}" for name, count in signal.categories[:3])
        return f"{signal.distinct:,} different: {shown}" if shown else f"{signal.distinct:,} different"
    spread = "" if signal.min is None else f", {signal.min:g} to {signal.max:g}"
    return f"mean {signal.mean:g}, sd {signal.sd:g}{spread}"


def _shown(path: str) -> str:
    """A file below the present folder as it is seen from there."""
    below = os.path.relpath(path) if "://" not in path else path
    return path if below.startswith("..") else below
