"""`tidemark report`: what was found, as one page."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from config.durations import option, time_ms
from config.load import Configuration, load
from config.store import StoreAddress
from dashboard.report import Report, Series, gather, read_events, read_scores, series_of
from schemas.errors import UsageError
from schemas.events import Event
from tidemark.options import Config

SILENT_S = 3.0  # of a topic: what is there comes within milliseconds
FORMS = (".html", ".json", ".md")


def report(
    config: Config,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="A .html, .json or .md file.")],
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Events, as backtest writes them; the sink's if not given.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Evaluations, as 'backtest --scores' writes them.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only what went on after it.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only what began before it.")] = None,
) -> None:
    """Write what was found as one page that needs nothing else: HTML, Markdown or JSON by the file's suffix.

    Events are read from --events, else from the `store` of CONFIG, else from its sink.

    Example: tidemark report monitors.yaml --events events.jsonl --scores scores.csv -o report.html
    """
    if output.suffix not in FORMS:
        message = f"--output: '{output}' is none of {', '.join(FORMS)}"
        raise UsageError(message)
    loaded = load(config)
    if model is not None:
        loaded.plan.model(model)
    start_ms = None if start is None else option("--from", time_ms, start)
    end_ms = None if end is None else option("--to", time_ms, end)
    found, series, skipped = _read(loaded, events, model, start_ms, end_ms, windows=scores is None)
    if scores is not None:
        series = read_scores(scores)
    made = gather(loaded.plan.job.name, found, series, model=model, start_ms=start_ms, end_ms=end_ms, skipped=skipped)
    output.write_bytes(_written(output.suffix, made))
    print(f"{output}: {len(made.episodes)} episodes, {len(made.requests)} retrain requests")
    if skipped:
        print(f"{len(skipped)} lines were not used; the report names them", file=sys.stderr)


def _read(
    loaded: Configuration,
    path: Path | None,
    model: str | None,
    start_ms: int | None,
    end_ms: int | None,
    *,
    windows: bool,
) -> tuple[Iterable[Event], Iterable[Series], list[str]]:
    """Events, evaluations of `windows` where there are any beside them and they are wanted, and what was skipped."""
    if path is not None:
        found, skipped = read_events(path)
        return found, (), skipped
    if loaded.store is not None:
        return *_stored(loaded.store, model, start_ms, end_ms, windows=windows), []
    if loaded.plan.events.path is not None:
        found, skipped = read_events(Path(loaded.plan.events.path))
        return found, (), skipped
    from consumers.follower import Follower

    assert loaded.plan.events.topic is not None  # a sink has one or the other ...
    assert loaded.kafka is not None  # ... and a topic has brokers
    with Follower(loaded.kafka.client_settings(), loaded.plan.events.topic, "earliest") as topic:
        found = list(topic.events(SILENT_S))
        return found, (), [topic.reader.skipped] if topic.reader.skipped else []


def _stored(
    address: StoreAddress, model: str | None, start_ms: int | None, end_ms: int | None, *, windows: bool
) -> tuple[list[Event], list[Series]]:
    from store import Database, Reader

    with Database(address.url.get_secret_value(), address.name) as database:
        reader = Reader(database)
        keys = reader.keys(model) if windows else []
        read = (summary for key in keys for summary in reader.summaries(key, from_ms=start_ms, to_ms=end_ms))
        return reader.events(model, from_ms=start_ms, to_ms=end_ms), series_of(read)


def _written(suffix: str, made: Report) -> bytes:
    if suffix == ".json":
        return msgspec.json.format(msgspec.json.encode(made), indent=1)
    if suffix == ".md":
        from dashboard.report.markdown import markdown

        return markdown(made).encode()
    from dashboard.report.page import html

    return html(made).encode()
