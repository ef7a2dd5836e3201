"""`tidemark simulate`: a stream with known drifts, to see what a configuration finds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from schemas.errors import UsageError


def simulate(
    to: Annotated[
        Path | None, typer.Option(metavar="CONFIG", help="Configuration whose predictions source gets the stream.")
    ] = None,
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="churn, wide, or river:NAME for one of river's.")
    ] = "churn",
    drift: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="SIGNAL:KIND:SIZE@FROM[-TO][/FIELD=VALUE]; may be given several times."),
    ] = None,
    records: Annotated[int, typer.Option(min=1, help="How many records.")] = 100_000,
    rate: Annotated[float, typer.Option(min=0.001, help="Records a second of event time.")] = 100.0,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Event time of the first; default: the last is now.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Send each record when its time comes, from now on.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Other records for another seed.")] = 1,
    partitions: Annotated[int, typer.Option(min=1, help="Of the topic, if it has to be made.")] = 4,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Write drifts and their times, as JSON.")] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write undrifted records too, as JSON lines for a profile.")
    ] = None,
    reference_records: Annotated[int, typer.Option(min=1, help="How many of those.")] = 20_000,
) -> None:
    """Make a stream of predictions with drifts at known places.

    KIND is shift (by SIZE standard deviations), scale (the spread times SIZE), mix (a share of SIZE from elsewhere)
    or missing (a share of SIZE). FROM and TO count records from 0. SIGNAL is feature.NAME, a field beside the
    features, prediction or confidence. A topic is made if it is not there, and keeps its records for ever; a file
    is replaced.

    Example: tidemark simulate --to monitors.yaml --drift feature.age:shift:1.0@20000 --truth truth.json
    """
    if to is None and reference is None:
        message = "tidemark simulate: nothing to do; give --to CONFIG, --reference FILE or both"
        raise UsageError(message)
    if live and start is not None:
        message = "tidemark simulate: --live begins now and --from elsewhere; give one of them"
        raise UsageError(message)
    from config import load
    from jobs import publishing
    from jobs.drifts import drift as read_drift
    from jobs.simulation import Simulation
    from jobs.simulation import records as make
    from jobs.simulation import truth as known
    from tidemark.progress import progress

    loaded = load(to) if to is not None else None
    model, version = publishing.subject(loaded.plan, dataset) if loaded else (dataset, "1")
    span_ms = 0 if live else int(records * 1000 / rate)
    simulation = Simulation(
        dataset=dataset,
        records=records,
        drifts=tuple(read_drift(text) for text in drift or ()),
        seed=seed,
        model=model,
        version=version,
        start_ms=_milliseconds(start) if start is not None else int(time.time() * 1000) - span_ms,
        rate=rate,
    )
    if reference is not None:
        other = {"seed": seed + 1, "drifts": (), "records": reference_records}
        before = simulation.start_ms - int(reference_records * 1000 / rate)
        written = publishing.to_file(make(msgspec.structs.replace(simulation, start_ms=before, **other)), reference)
        print(f"{written:,} undrifted records to {reference}")
    if truth is not None:
        truth.write_text(json.dumps(known(simulation), indent=2) + "\n")
        print(f"{len(simulation.drifts)} {'drift' if len(simulation.drifts) == 1 else 'drifts'} to {truth}")
    if loaded is not None:
        stream = make(simulation)
        with progress("records", records) as advance:
            place, sent = publishing.to_source(
                publishing.paced(stream) if live else stream, loaded, partitions, advance
            )
        print(f"{sent:,} records of model {model}, version {version}, to {place}")


def _milliseconds(text: str) -> int:
    from operators.reading.values import Gap, event_time

    time_ms = event_time(text)
    if isinstance(time_ms, Gap):
        message = f"--from: '{text}' is not a time (RFC 3339, as 2026-01-01T00:00:00Z)"
        raise UsageError(message)
    return time_ms
