"""Results for people: a table for the terminal, or one for a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.cases import CASES
from benchmarks.result import Result

HEAD = ("", "records/s", "CPU us/record", "records", "")


def rows(results: Mapping[str, Result]) -> list[tuple[str, ...]]:
    """Texts of each case that was measured, in the order of the cases."""
    found: list[tuple[str, ...]] = []
    for case in CASES:
        if (result := results.get(case.name)) is not None:
            rate = "-" if result.records_per_s is None else f"{result.records_per_s:,.0f}"
            cost = "-" if result.cpu_us_per_record is None else f"{result.cpu_us_per_record:,.1f}"
            found.append((case.text, rate, cost, f"{result.records:,}", result.note))
    return found


def text(results: Mapping[str, Result]) -> str:
    """A table in columns.

    >>> print(text({"river_0_23": Result(records_per_s=13_000.0, cpu_us_per_record=77.0, records=100_000)}))
                            records/s  CPU us/record  records
    plain loop, river 0.23     13,000           77.0  100,000
    """
    table = [HEAD, *rows(results)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = []
    for row in table:
        first, *others, note = row
        numbers = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=False)]
        lines.append("  ".join([first.ljust(widths[0]), *numbers, note]).rstrip())
    return "\n".join([*lines, *_ratios(results)])


def markdown(results: Mapping[str, Result]) -> str:
    """A table of Markdown."""
    lines = ["| | records/s | CPU µs/record | records | |", "|---|--:|--:|--:|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows(results)]
    return "\n".join([*lines, *("\n" + line for line in _ratios(results))])


def _ratios(results: Mapping[str, Result]) -> list[str]:
    """Tidemark beside the others, where both were measured."""
    found = []
    for name, other, what in (
        ("tidemark_kafka", "river_0_23", "times the loop with river 0.23"),
        ("tidemark_kafka", "river_newest", "times the loop with river's newest"),
        ("tidemark_kafka", "flink_count", "of what PyFlink does when it only counts"),
        ("tidemark_kafka", "flink_naive", "times the naive job"),
        ("tidemark_segments", "tidemark_kafka", "of its own rate with 1,000 segments"),
        ("tidemark_labels", "tidemark_unlabelled", "of its own rate with labels after an hour"),
        ("tidemark_labels_sample", "tidemark_unlabelled", "of its own rate with labels for a tenth of them"),
        ("tidemark_payload_time", "tidemark_kafka", "of its own rate with time from the payload"),
    ):
        mine, theirs = (results[n].records_per_s if n in results else None for n in (name, other))
        if mine and theirs:
            ratio = mine / theirs
            found.append(f"Tidemark from Kafka: {f'{ratio:.0%}' if what.startswith('of') else f'{ratio:.1f}'} {what}")
    return found
