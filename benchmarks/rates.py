"""The command line of benchmarks that count false alarms by family of streams, and the table that they print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]  # `family`, and a number by column


def main(
    name: str,
    measured: Callable[..., Row],
    families: Iterable[str],
    counts: Mapping[str, tuple[int, str]],
    columns: Iterable[str],
) -> None:
    """Measure the chosen families, and print a table, or JSON.

    Parameters
    ----------
    name
        Of the benchmark's module.
    measured
        Takes a family, the ``counts`` in their order, and a seed.
    counts
        Options that say how much is simulated: their defaults, and what they count.
    columns
        Of the table, after the family's name.
    """
    known = list(families)
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description="Print a table, or JSON.")
    for option, (number, what) in counts.items():
        parser.add_argument(f"--{option}", type=int, default=number, help=what)
    parser.add_argument("--families", nargs="*", choices=known, default=known)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = vars(parser.parse_args())
    rows = [measured(family, *(given[option] for option in counts), given["seed"]) for family in given["families"]]
    if given["json"]:
        print(json.dumps(rows, indent=1))
        return
    wide = max(map(len, known)) + 2
    titles = list(columns)
    print(f"{'family':{wide}}" + "".join(f"{title.replace('_', ' '):>12}" for title in titles))
    for row in rows:
        cells = (row[title] for title in titles)
        print(f"{row['family']:{wide}}" + "".join(f"{v:12.2f}" if isinstance(v, float) else f"{v:12}" for v in cells))
