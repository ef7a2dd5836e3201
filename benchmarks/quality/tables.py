"""Tables of the comparison, as rows of text: for the terminal, for the documentation and for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.quality import real, simulated, tidemark
from benchmarks.quality.comparison import Results
from benchmarks.quality.contenders import NAMES
from benchmarks.quality.measures import Score, episodes, poisson_interval
from benchmarks.quality.streams import Stream
from benchmarks.quality.tuning import Row

UNKNOWN = "No drift is known: numbers of episodes only."
NOT_ALL = (
    "By MTR, share found, fewest false episodes, delay; without a rank who has not seen or not answered all streams."
)


@dataclass(frozen=True)
class Table:
    """A table with a title and what one has to know to read it."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def text(table: Table) -> str:
    """In columns.

    >>> print(text(Table("Of two", ("name", "n"), (("a", "10"), ("bc", "9")))))
    Of two
    name   n
    a     10
    bc     9
    """
    lines = [table.head, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.head))]
    shown = [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    ]
    return "\n".join([table.title, *shown, *([table.note] if table.note else [])])


def markdown(table: Table) -> str:
    """As Markdown, under a heading of the third level.

    >>> print(markdown(Table("Of two", ("name", "n"), (("a", "10"),))))
    ### Of two
    <BLANKLINE>
    | name | n |
    |---|--:|
    | a | 10 |
    """
    lines = [f"| {' | '.join(line)} |" for line in table.rows]
    head = [f"| {' | '.join(table.head)} |", "|---|" + "--:|" * (len(table.head) - 1)]
    note = ["", table.note] if table.note else []
    return "\n".join([f"### {table.title}", "", *head, *lines, *note])


def budget(rows: Sequence[tuple[str, int, int]]) -> Table:
    """False episodes against the budget, in long streams of models with several features; Tidemark alone."""
    lines = [(family, *_against(periods, false)) for family, periods, false in rows]
    whole = _against(sum(periods for _, periods, _ in rows), sum(false for _, _, false in rows))
    note = "Five features, 100 records a slide, windows of 12 slides, a budget of one a day; `benchmarks.false_alarms`."
    return Table("Tidemark's false episodes against the budget", ("family", "budget periods", "false", "of budget",
                 "95 %"), (*lines, ("all", *whole)), note)  # fmt: skip


def _against(periods: int, false: int) -> tuple[str, ...]:
    low, high = poisson_interval(false)
    return (f"{periods:,}", f"{false:,}", f"{false / periods:.2f}", f"{low / periods:.2f} to {high / periods:.2f}")


def summary(results: Results) -> Table:
    """All simulated streams together, a line a contender."""
    rows = []
    for name in NAMES:
        found = [result for group in simulated.FAMILIES if (result := results.score(name, group=group))]
        rows.append((name, *_cells(_sum(found)), _worst(found)))
    head = ("contender", "streams", "false, of budget", "95 %", "found", "by chance", "delay", "onset off by", "MTR",
            "us/value", "worst family")  # fmt: skip
    note = (
        "False episodes in 28,800 calm values (1 is the budget) with the Poisson interval; share of drifts found, "
        "and what alarms as frequent as the false ones would find by chance; median delay and onset error in values; "
        "MTR = MTFA/MTD (1 - MDR), at least so much where nothing was false; processor time a value; false episodes in "
        "the family with the most."
    )
    return Table("Simulated streams, everybody with the defaults", head, tuple(rows), note)


def calm(results: Results) -> Table:
    """False episodes by family."""
    return _by_family("False episodes in a budget period of 28,800 calm values", results, _rate)


def by_change(results: Results) -> list[Table]:
    """Share found and median delay by change, over all families."""
    changes = [change for change in dict.fromkeys([*simulated.CHANGES, *simulated.MIXES]) if change != "none"]
    rows = []
    for name in NAMES:
        cells = []
        for change in changes:
            one = results.score(name, change=change)
            cells.append("-" if one is None or one.found is None else f"{one.found:.0%}, {_count(one.delay)}")
        rows.append((name, *cells))
    shown = Table("Share found, median delay in values, by change", ("contender", *changes), tuple(rows),
                  "All families of numbers together; mixes are of the categories.")  # fmt: skip
    return [shown, _by_family("MTR by family", results, lambda one: _number(one.mtr))]


def of_sets(results: Results) -> list[Table]:
    """Real sets: the ranks on all of them, then a table each, best first."""
    tables = []
    for group in real.SETS:
        scored = {name: one for name in NAMES if (one := results.score(name, group=group))}
        if not scored:
            continue
        judged = any(one.quiet or one.drifts for one in scored.values())
        places = _places(scored) if judged else {}
        rows = [
            (name, str(places.get(name, "-")), *_real_cells(scored[name], results, name, group))
            for name in sorted(scored, key=lambda name: places.get(name, len(NAMES) + 1))
        ]
        head = ("contender", "rank", "streams", "drifts", "found", "by chance", "false", "delay",
                "onset off by", "MTR")  # fmt: skip
        seen = _seen([stream for stream, _ in results.said[tidemark.NAME] if stream.group == group])
        tables.append(Table(group, head, tuple(rows), f"{seen} {NOT_ALL if judged else UNKNOWN}"))
    return [_all_ranks(tables), *tables] if tables else []


def _places(scored: Mapping[str, Score]) -> dict[str, int]:
    """Rank of each contender that has answered all streams."""
    most = max(one.streams for one in scored.values())
    able = [name for name, one in scored.items() if one.streams == most]
    return dict(zip(able, ranks([scored[name] for name in able]), strict=True))


def _all_ranks(tables: Sequence[Table]) -> Table:
    """A line a contender, a column a set whose truth is known."""
    places = {table.title: {row[0]: row[1] for row in table.rows} for table in tables}
    known = {title: by for title, by in places.items() if any(rank != "-" for rank in by.values())}
    rows = [(name, *(by.get(name, "-") for by in known.values())) for name in NAMES]
    return Table("Ranks on real sets", ("contender", *known), tuple(rows))


def _seen(streams: Sequence[Stream]) -> str:
    """What all contenders were shown, in a sentence or two.

    >>> import numpy as np
    >>> _seen([Stream("a", "a", "real", np.zeros((9, 2)), np.zeros((7, 2)), (), 5, (False, True))])
    'Everybody saw 1 numeric and 1 categorical column; references of 9 rows, then 7, windows of 5.'
    """
    columns = len(streams[0].named)
    kinds = {"numeric": columns - sum(streams[0].named), "categorical": sum(streams[0].named)}
    shown = " and ".join(f"{many} {kind}" for kind, many in kinds.items() if many)
    spans = [
        _range([many(stream) for stream in streams])
        for many in (lambda one: len(one.reference), lambda one: len(one.values), lambda one: one.window)
    ]
    untimed = "" if streams[0].timed else " The rows have no times."
    return (
        f"Everybody saw {shown} column{'s' if max(kinds.values()) > 1 else ''}; references of {spans[0]} rows, then "
        f"{spans[1]}, windows of {spans[2]}.{untimed}"
    )


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def ranks(scores: Sequence[Score]) -> list[int]:
    """Places from 1, equal ones alike: by MTR, share found, fewest false episodes, delay."""
    keys = [_merit(one) for one in scores]
    return [1 + sum(other > key for other in keys) for key in keys]


def _merit(one: Score) -> tuple[float, float, float, float]:
    return (one.mtr or 0.0, one.found or 0.0, -one.false, -(one.delay or 0.0))


def equal(rows: Iterable[Row]) -> Table:
    """Everybody at the rate of the budget."""
    lines = [
        (row.name, row.kind, row.setting, f"{row.quiet.false_in(simulated.CALM)[0]:.2f}", _interval(row.quiet),
         _share(row.found.found), _count(row.found.delay), _count(row.found.onset_error))
        for row in rows
    ]  # fmt: skip
    head = ("contender", "kind", "threshold", "false, of budget", "95 %", "found", "delay", "onset off by")
    note = (
        "Peers' thresholds are set by us on stationary normal streams to at most the budget; the shift comes on other "
        "normal streams. Tidemark's follow from the budget; its defaults are confirm 2 and, with windows of 1,000, "
        "slides of 83 values. Windowed peers are evaluated each 100, NannyML each 1,000."
    )
    return Table("The same false-alarm rate: a shift by 0.5 standard deviations, window of 1,000", head, tuple(lines),
                 note)  # fmt: skip


def missing(results: Results) -> Table:
    """Who said nothing of some streams, and why."""
    rows = [
        (name, str(count), why) for name, reasons in results.errors.items() for why, count in sorted(reasons.items())
    ]
    rows += [("all", "-", f"skipped, {why}") for why in results.skipped]
    return Table("Streams without an answer", ("contender", "streams", "why"), tuple(rows))


def _by_family(title: str, results: Results, shown: Callable[[Score], str]) -> Table:
    rows = []
    for name in NAMES:
        scored = [results.score(name, group=group) for group in simulated.FAMILIES]
        rows.append((name, *("-" if one is None else shown(one) for one in scored)))
    return Table(title, ("contender", *simulated.FAMILIES), tuple(rows))


def _cells(one: Score) -> tuple[str, ...]:
    cost = "-" if one.cost is None else f"{one.cost:.1f}"
    return (str(one.streams), _rate(one), _interval(one), _share(one.found), _share(one.chance), _count(one.delay),
            _count(one.onset_error), _mtr(one), cost)  # fmt: skip


def _real_cells(one: Score, results: Results, name: str, group: str) -> tuple[str, ...]:
    if not (one.quiet or one.drifts):
        begun = sum(
            len(episodes(alarms.positions, stream.window))
            for stream, alarms in results.said[name]
            if stream.group == group
        )
        return (str(one.streams), "-", "-", "-", str(begun), "-", "-", "-")
    false = str(one.false) if one.quiet else "-"
    return (str(one.streams), str(one.drifts), _share(one.found), _share(one.chance), false, _count(one.delay),
            _count(one.onset_error), _mtr(one))  # fmt: skip


def _sum(scores: Sequence[Score]) -> Score:
    total = Score()
    for one in scores:
        total.add(one)
    return total


def _worst(scores: Sequence[Score]) -> str:
    return f"{max(one.false_in(simulated.CALM)[0] for one in scores):.1f}" if scores else "-"


def _rate(one: Score) -> str:
    return f"{one.false_in(simulated.CALM)[0]:.2f}" if one.quiet else "-"


def _interval(one: Score) -> str:
    _, low, high = one.false_in(simulated.CALM)
    return f"{low:.2f} to {high:.2f}" if one.quiet else "-"


def _mtr(one: Score) -> str:
    return ("at least " if one.mtr and not one.false else "") + _number(one.mtr)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
