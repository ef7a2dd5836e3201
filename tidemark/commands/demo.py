"""`tidemark demo`: all of Tidemark on one machine, in a minute or two."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where its configuration and profile are left to look at.")
    ] = Path(".tidemark/demo"),
) -> None:
    """Start a broker, a stream with two known drifts, the Flink job and a subscriber; show what is found.

    Ends by itself with a table: each drift, after how many records it was found, and false alarms.

    Example: tidemark demo
    """
    from rich.console import Console
    from rich.table import Table

    from consumers.follower import Follower
    from jobs import demo as demonstration
    from schemas.events import Event

    began_s = time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    colours = {"opened": "bold red", "updated": "yellow", "resolved": "green"}

    def tell(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began_s:5.1f} s[/dim]  {line}")
        sys.stdout.flush()

    def show(event: Event, record: int) -> None:
        what = event.type.rpartition(".")[2]
        tell(f"[{colours.get(what, 'bold')}]{what:8}[/] at record {record:>7,}  {event.data.message}")

    outcome = demonstration.run(folder, Follower, tell, show)
    table = Table("drift put into the stream", "found after", "as", title="What was found", title_justify="left")
    for found in outcome.found:
        delay = "[red]not found[/]" if found.delay is None else f"{found.delay:,} records"
        table.add_row(demonstration.describe(found.drift), delay, found.message)
    console.print()
    console.print(table)
    records = outcome.totals.records
    console.print(f"false alarms: {len(outcome.false)}")
    for event in outcome.false:
        console.print(f"  {event.time}  {event.data.message}")
    console.print(
        f"records: {records['read']:,} read, {records['used']:,} used, {records['dead']} dead, {records['late']} late; "
        f"{outcome.records_per_s:,.0f} a second"
    )
    console.print(f"configuration and profile: {folder}")
