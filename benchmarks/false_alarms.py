"""False episodes against the budget, and how soon real changes are found: ``python -m benchmarks.false_alarms``.

Records go through the monitor and the policy as in a job, without files. Everything follows from ``--seed``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from statistics import median

import numpy as np

from benchmarks.families import CHANGES, FAMILIES, SEASON, cycle
from benchmarks.watched import FEATURES, MINUTE, SLIDE_MS, SLIDES_A_DAY, Stream, stream
from schemas.cloudevents import milliseconds

STREAMS_A_SEASON = 10  # share a reference, which takes seconds to make
PERIODS_A_REFERENCE = 10  # the budget holds on average over references
HORIZON = 2 * SLIDES_A_DAY  # slides in which a change is to be found
PANES = 10  # of a slide in which a change is to be found: what sequential detectors see is told at the end of each


def stationary(
    family: str, periods: int, records: int, confirm: int, previous_ms: int, seed: int, shuffled: bool = False
) -> dict[str, object]:
    """Episodes in so many budget periods of a day while nothing changes."""
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    opened = 0
    detectors: Counter[str] = Counter()
    for first in range(0, periods, PERIODS_A_REFERENCE):
        one = stream(family, rng, records, SLIDES_A_DAY * SLIDE_MS, confirm, previous_ms, shuffled)
        for _ in range(min(PERIODS_A_REFERENCE, periods - first)):
            sizes = _sizes(family, rng, records)
            one.show([FAMILIES[family](rng, sum(sizes), sum(sizes)) for _ in range(FEATURES)], sizes)
        found = [event for event in one.events if event.type == "io.tidemark.drift.opened"]
        opened += len(found)
        detectors.update(event.data.signals[0].detector for event in found)
    return {
        "family": family,
        "periods": periods,
        "episodes": opened,
        "of_budget": opened / periods,
        "detectors": dict(sorted(detectors.items())),
    }


def abrupt(
    change: str,
    streams: int,
    records: int,
    confirm: int,
    previous_ms: int,
    seed: int,
    family: str = "normal",
    shuffled: bool = False,
) -> dict[str, object]:
    """How a change of one of the features is found; the budget is one in 30 days."""
    rng = np.random.default_rng([seed, 100 + list(CHANGES).index(change)])
    delays, errors, recovered = [], [], 0
    detectors: Counter[str] = Counter()
    shared = STREAMS_A_SEASON if family == SEASON else 1
    for number in range(streams):
        if number % shared == 0:
            detection = stream(
                family, rng, records, 30 * SLIDES_A_DAY * SLIDE_MS, confirm, previous_ms, shuffled
            ).detection
        one = Stream(detection)
        before = int(rng.integers(SLIDES_A_DAY, SLIDES_A_DAY + 24)) * records + int(rng.integers(records))
        slides = -(-before // records) + HORIZON
        columns = [FAMILIES["normal"](rng, slides * records, 0) for _ in range(FEATURES)]
        until = len(columns[0]) - HORIZON // 2 * records
        columns[0][before:until] = CHANGES[change](columns[0][before:until])
        if family == SEASON:
            columns = [column + cycle(len(column), SLIDES_A_DAY * records) for column in columns]
        one.show(columns, [records] * slides, PANES)
        at_ms = before * SLIDE_MS / records
        opened = [e for e in one.events if e.type == "io.tidemark.drift.opened" and milliseconds(e.time) > at_ms]
        recovered += one.events[-1].type == "io.tidemark.drift.resolved" if one.events else 0
        if opened:
            delays.append((milliseconds(opened[0].time) - at_ms) * records / SLIDE_MS)
            errors.append((milliseconds(opened[0].data.onset) - at_ms) * records / SLIDE_MS)
            detectors[opened[0].data.signals[0].detector] += 1
    return {
        "change": change if family == "normal" else f"{change}, {family}",
        "streams": streams,
        "found": len(delays) / streams,
        "resolved": recovered / streams,
        "delay_records": median(delays) if delays else None,
        "onset_error_records": median(errors) if errors else None,
        "onset_error_90": float(np.quantile(np.abs(errors), 0.9)) if errors else None,
        "detectors": dict(sorted(detectors.items())),
    }


def main() -> None:
    """Print two tables, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=main.__doc__)
    parser.add_argument("--periods", type=int, default=100, help="budget periods of each family")
    parser.add_argument("--streams", type=int, default=40, help="streams of each change")
    parser.add_argument("--records", type=int, default=100, help="records a slide; a window has twelve slides")
    parser.add_argument("--confirm", type=int, default=2)
    parser.add_argument("--previous", type=int, default=0, help="hours before each window that it is compared with")
    parser.add_argument("--shuffled", action="store_true", help="references in no order")
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    how = given.records, given.confirm, given.previous * 60 * MINUTE, given.seed
    quiet = [stationary(family, given.periods, *how, given.shuffled) for family in given.families if given.periods]
    changes = [*((change, "normal") for change in CHANGES), ("shift .5 sd", SEASON)]
    found = [abrupt(change, given.streams, *how, family, given.shuffled) for change, family in changes if given.streams]
    if given.json:
        print(json.dumps({"stationary": quiet, "abrupt": found}, indent=1))
        return
    print(f"{'family':14}{'periods':>9}{'episodes':>10}{'of budget':>11}  by strongest detector")
    for row in quiet:
        print(f"{row['family']:14}{row['periods']:9}{row['episodes']:10}{row['of_budget']:11.2f}  {_shown(row)}")
    opened, periods = sum(row["episodes"] for row in quiet), sum(row["periods"] for row in quiet)  # type: ignore[misc]
    print(f"{'all':14}{periods:9}{opened:10}{opened / max(periods, 1):11.2f}")
    print(f"\n{'change':20}{'found':>7}{'resolved':>10}{'delay':>8}{'onset error':>13}{'90 %':>8}  in records, median")
    for row in found:
        delay, error, most = (_count(row[name]) for name in ("delay_records", "onset_error_records", "onset_error_90"))
        print(
            f"{row['change']:20}{row['found']:7.0%}{row['resolved']:10.0%}{delay:>8}{error:>13}{most:>8}  {_shown(row)}"
        )


def _shown(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {count}" for name, count in row["detectors"].items())  # type: ignore[attr-defined]


def _count(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else "-"


def _sizes(family: str, rng: np.random.Generator, records: int) -> list[int]:
    """Records in each slide of a day."""
    if family != "bursty":
        return [records] * SLIDES_A_DAY
    return [int(size) for size in rng.poisson(records * rng.gamma(1.0, 1.0, SLIDES_A_DAY)) + 1]


if __name__ == "__main__":
    main()
