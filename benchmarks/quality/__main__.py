"""Everybody on the same streams: ``python -m benchmarks.quality``; prints tables, writes JSON and a page."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.quality import comparison, page, tables, tuning
from benchmarks.quality.contenders import PEERS
from benchmarks.quality.processes import ROOT, Environments, Tell

DATA = "TIDEMARK_DATA"  # environment variable: folder of the real sets
SEED = 1123  # constants of detectors were chosen on streams of the seeds 1 and 2


def main() -> None:
    """Compare, print tables, write `quality.json` and `quality.html`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="few streams: some minutes")
    parser.add_argument("--streams", type=int, help="of each family and change (default 5, quick 1)")
    parser.add_argument("--calm", type=int, help="budget periods in which peers are tuned (default 30, quick 4)")
    parser.add_argument("--shifted", type=int, help="streams with the shift for tuned peers (default 40, quick 6)")
    parser.add_argument("--periods", type=int, help="budget periods of each family for Tidemark (default 200, quick 2)")
    parser.add_argument(
        "--slow", type=int, default=1, help="of each kind for slow peers (default 1; 0: none, nor real ones)"
    )
    parser.add_argument("--data", type=Path, help=f"folder of the real sets (default ${DATA}, ../shared/data)")
    parser.add_argument("--peers", type=Path, default=ROOT / ".tidemark" / "peers", help="folder of environments")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder of what is written")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--real", action="store_true", help="print the tables of the real sets alone")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page of the documentation")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at a time (default: processors)")
    given = parser.parse_args()
    data = given.data or Path(os.environ.get(DATA) or ROOT.parent / "shared" / "data")
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {line}", file=sys.stderr, flush=True)

    made = Environments(given.peers, tell, given.processes)
    with ProcessPoolExecutor(given.processes, get_context("spawn")) as pool:
        _compare(given, data, made, tell, pool)
    tell(f"done; {given.out / 'quality.html'}")


def _compare(given: argparse.Namespace, data: Path, made: Environments, tell: Tell, pool: Executor) -> None:
    began, small = time.monotonic(), given.quick
    results = comparison.Results()
    slow_real = None if given.slow else 0
    written = tables.markdown if given.markdown else tables.text
    if given.real:
        comparison.compare(comparison.real_streams(data, results), results, made, tell, slow_real, pool)
        print("\n\n".join(written(table) for table in (*tables.of_sets(results), tables.missing(results))))
        return
    count = given.streams or (1 if small else 5)
    calm, shifted = given.calm or (4 if small else 30), given.shifted or (6 if small else 40)
    periods = (2 if small else 200) if given.periods is None else given.periods
    kept = comparison.budget(periods, given.seed, tell, pool)
    rows, errors = tuning.equal_rate(calm, shifted, 2 * given.slow, given.seed, made, tell, pool)
    comparison.compare(comparison.simulated_streams(count, given.seed, small), results, made, tell, given.slow, pool)
    comparison.compare(comparison.real_streams(data, results), results, made, tell, slow_real, pool)
    for name, why in errors.items():
        results.errors[name][f"tuned: {why}"] += 1
    shown = [tables.budget(kept)] if kept else []
    shown += [tables.summary(results), tables.calm(results), *tables.by_change(results), tables.equal(rows)]
    shown += [*tables.of_sets(results), tables.missing(results)]
    print("\n\n".join(written(table) for table in shown))
    notes = [f"{peer.name}: {peer.note}" for peer in PEERS]
    print("\n" + "\n".join(notes))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "quality.html").write_text(page.html(shown, results, rows, notes))
    as_json = [{"title": one.title, "head": one.head, "rows": one.rows, "note": one.note} for one in shown]
    seconds = round(time.monotonic() - began)
    (given.out / "quality.json").write_text(
        json.dumps({"seconds": seconds, "notes": notes, "tables": as_json}, indent=1)
    )


if __name__ == "__main__":
    main()
