"""`tidemark run`: the job on a Flink cluster inside this process."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer

from config import load
from config.load import Configuration
from jobs.totals import Totals
from schemas.errors import UsageError
from tidemark.options import AsJson, Config
from tidemark.printing import tell


def run(
    config: Config,
    parallelism: Annotated[
        int | None, typer.Option(min=1, help="TaskManagers of one slot each; one per two cores.")
    ] = None,
    bounded: Annotated[bool, typer.Option("--bounded", help="Read topics up to their present end, then end.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew instead of going on from the last savepoint or checkpoint.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the monitors of a configuration on a Flink cluster inside this process.

    With file sources, or with --bounded, it ends when everything is read. Otherwise Ctrl-C stops it with a
    savepoint, and the next run goes on from there.

    Example: tidemark run monitors.yaml --bounded --json
    """
    from jobs import embedded

    loaded = load(config)
    if parallelism is not None:
        loaded = with_parallelism(loaded, parallelism)
    for line in loaded.unavailable:
        tell(line)
    totals = embedded.run(loaded, bounded=bounded, fresh=fresh, tell=tell, on_totals=_progress())
    if not totals.records["read"]:
        tell("read 0 records: is the topic empty, or has its retention deleted records with old timestamps?")
    print(totals.as_json() if as_json else describe(totals.records, totals.events, totals.labels), flush=True)


def with_parallelism(loaded: Configuration, parallelism: int) -> Configuration:
    """The configuration for more TaskManagers."""
    if parallelism > 128:
        message = f"--parallelism: {parallelism} is more than 128, which state is divided by"
        raise UsageError(message)
    job = msgspec.structs.replace(loaded.plan.job, parallelism=parallelism)
    return dataclasses.replace(loaded, plan=msgspec.structs.replace(loaded.plan, job=job))


def describe(records: dict[str, int], events: dict[str, int], labels: dict[str, int]) -> str:
    """Totals for people; nothing about labels where none were read."""

    def listed(fates: dict[str, int]) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in fates.items() if number or name != "ignored")

    told = ", ".join(f"{name.removeprefix('io.tidemark.')} {number:,}" for name, number in sorted(events.items()))
    lines = [f"records: {listed(records)}", f"events: {told or 'none'}"]
    if labels["read"]:
        lines.insert(1, f"labels: {listed(labels)}")
    return "\n".join(lines)


def _progress() -> Callable[[Totals], object]:
    """Shows totals on a terminal, in place."""
    if not sys.stderr.isatty():
        return lambda totals: None

    def show(totals: Totals) -> None:
        told = sum(totals.events.values())
        print(f"\r{totals.records['read']:,} records, {told} events", end="", file=sys.stderr, flush=True)

    return show
