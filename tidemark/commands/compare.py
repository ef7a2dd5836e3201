"""`tidemark compare`: an old and a new version of a model on the same records."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from config import durations, load
from jobs.comparing import Comparison
from jobs.comparing import compare as compared
from schemas.errors import UsageError
from tidemark.options import AsJson, Config, Data, From, Labels, Model, To
from tidemark.progress import progress

WIDTH = 140  # where there is no terminal: names of segments are not cut
NOT_ACCEPTED = 3  # 1 and 2 are failures of the command itself


def compare(
    config: Config,
    model: Model,
    old: Annotated[str, typer.Option(metavar="V", help="The version that is in use.")],
    new: Annotated[str, typer.Option(metavar="V", help="The one that may replace it.")],
    data: Data = None,
    labels: Labels = None,
    start: From = None,
    end: To = None,
    margin: Annotated[
        float, typer.Option(min=0.0, help="By how much the new version may be worse: 0.01 is one point of accuracy.")
    ] = 0.0,
    reference: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Records of the reference, predicted by both: there it must not be worse."),
    ] = None,
    reference_margin: Annotated[
        float | None, typer.Option(min=0.0, help="By how much it may be worse there; else as --margin.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How both do over time, as in '1 day'.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """Compare two versions of a model on the labelled records that both have predicted.

    Prints the measures of both, the gain with its 95 % interval, and each class and segment. The exit status is 0
    if the new version is better, or as good within --margin, and worse in no class and no segment beyond chance,
    nor on the data of --reference; else 3.

    With --every each interval is told by itself, of all labelled records of either version: the old one before it was
    replaced, both side by side, and the new one from then on.

    Example: tidemark compare monitors.yaml --model churn --old 3 --new 4 --margin 0.005
    """
    if reference_margin is not None and reference is None:
        message = "--reference-margin: needs --reference DATA, too"
        raise UsageError(message)
    try:
        every_ms = 0 if every is None else durations.milliseconds(every)
    except ValueError as error:
        message = f"--every: {error}"
        raise UsageError(message) from error
    found = compared(
        load(config),
        model,
        old,
        new,
        data=data,
        labels=labels,
        start=start,
        end=end,
        margin=margin,
        reference=reference,
        reference_margin=reference_margin,
        every_ms=every_ms,
        progress=lambda total: progress("records", total),
    )
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found)
    if not found.accepted:
        raise typer.Exit(NOT_ACCEPTED)


def _show(found: Comparison) -> None:
    console = Console(highlight=False, soft_wrap=True)
    table_console = console if console.is_terminal else Console(highlight=False, width=WIDTH)
    for each in (found, found.reference):
        if each is None:
            continue
        where = "" if each is found else " of the reference"
        console.print(
            f"{each.model}: {each.records:,} labelled records{where} that both have predicted "
            f"({each.only_old:,} more of {each.old}, {each.only_new:,} of {each.new})"
        )
        table_console.print(_table(each))
    if found.over_time:
        table_console.print(_over_time(found))
    console.print(_overlap(found))
    console.print(_sentence(found))


def _overlap(found: Comparison) -> str:
    """How alike they are where both have predicted, before labels come."""
    same = f"agree on {found.agree:.1%}" if found.agree is not None else f"are {found.differ:.4g} apart on average"
    return f"of {found.overlap:,} records that both have predicted, with a label or without, they {same}"


def _table(found: Comparison) -> Table:
    table = Table("", "records", found.old, found.new, "gain (95 % interval)", "p", "", box=SIMPLE)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:-1]:
        column.justify = "right"
    for each in (*found.measures, *found.slices):
        name = each.what if each.slice == "all" else f"  {each.slice}"
        table.add_row(
            name,
            f"{each.records:,}",
            f"{each.old:.4g}",
            f"{each.new:.4g}",
            f"{each.gain:+.4f} ({each.low:+.4f} to {each.high:+.4f})",
            f"{each.p_value:.2g}",
            "worse" if each.slice in found.worse else "",
        )
    return table


def _over_time(found: Comparison) -> Table:
    old, new, what = found.old, found.new, found.measures[0].what
    table = Table(f"{what} from", f"of {old}", old, f"of {new}", new, "gain on those of both (95 %)", box=SIMPLE)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for each in found.over_time:
        both = "" if each.both is None else f"{each.both.gain:+.4f} ({each.both.low:+.4f} to {each.both.high:+.4f})"
        values = ["" if value is None else f"{value:.4g}" for value in (each.old, each.new)]
        when = each.start[:19].replace("T", " ")
        table.add_row(when, f"{each.old_records:,}", values[0], f"{each.new_records:,}", values[1], both)
    return table


def _sentence(found: Comparison) -> str:
    said = {
        "better": f"{found.new} is better than {found.old}",
        "as good": f"{found.new} is at most {found.margin:g} worse than {found.old}",
        "worse": f"{found.new} is worse than {found.old}",
        "unclear": f"{found.new} may be better or worse than {found.old}",
    }[found.verdict]
    where = f", but worse in {', '.join(found.worse)}" if found.worse else ""
    kept = found.reference
    if kept is not None and (kept.verdict == "worse" or kept.worse):
        slices = f" in {', '.join(kept.worse)}" if kept.worse and kept.verdict != "worse" else ""
        where += f", but worse on the reference{slices} ({_interval(kept)})"
    return f"{said} ({_interval(found)}){where}: {'accepted' if found.accepted else 'not accepted'}"


def _interval(found: Comparison) -> str:
    first = found.measures[0]
    return f"{first.what} {first.gain:+.4f}, {first.low:+.4f} to {first.high:+.4f}"
