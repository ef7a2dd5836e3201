"""Truth: when drifts really began, held against the episodes that were opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from config.plan import Plan
from operators.reading.values import Gap, event_time
from schemas.cloudevents import milliseconds, timestamp
from schemas.errors import DataError
from schemas.events import Event


@dataclass(frozen=True)
class Comparison:
    """Each drift with the first episode that was opened between it and the next; what is opened before any is false."""

    drifts_ms: tuple[int, ...]
    found_ms: tuple[int | None, ...]
    false: int

    def as_dict(self) -> dict[str, object]:
        """For programs; delays in milliseconds of event time."""
        delays = [f - d for d, f in zip(self.drifts_ms, self.found_ms, strict=True) if f is not None]
        return {
            "drifts": len(self.drifts_ms),
            "found": len(delays),
            "missed": len(self.drifts_ms) - len(delays),
            "false": self.false,
            "delay_ms": median(delays) if delays else None,
        }

    def __str__(self) -> str:
        lines = [f"{'drift':26}{'found':26}delay"]
        for drift, found in zip(self.drifts_ms, self.found_ms, strict=True):
            shown = "missed" if found is None else f"{timestamp(found):26}{(found - drift) / 1000:,.0f} s"
            lines.append(f"{timestamp(drift):26}{shown}")
        facts = self.as_dict()
        lines.append(f"found {facts['found']} of {facts['drifts']}, missed {facts['missed']}, false {facts['false']}")
        return "\n".join(lines)


def read_truth(path: Path, plan: Plan) -> tuple[int, ...]:
    """Drift times in milliseconds: RFC 3339 texts, or row numbers (from 0) of a source with ``time: {every}``.

    They stand one a line, or in a JSON list; there they may be the ``time`` of objects, as `tidemark simulate` writes.

    Raises
    ------
    DataError
        The file is missing, or a line is neither.
    """
    try:
        text = path.read_text()
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise DataError(message) from None
    except UnicodeDecodeError:
        message = f"{path}: is not a list of times or row numbers (it is not UTF-8)"
        raise DataError(message) from None
    try:
        lines = _listed(msgspec.json.decode(text)) if text.lstrip().startswith("[") else text.split()
    except (msgspec.DecodeError, TypeError) as error:
        message = f"{path}: is not a list of times or row numbers ({error})"
        raise DataError(message) from None
    counted = next((s.time for s in plan.sources if s.time.kind == "every"), None)
    times = []
    for line in lines:
        number = line.isascii() and line.isdigit()
        if number and counted is not None:
            times.append(counted.from_ms + int(line) * counted.every_us // 1000)
            continue
        time_ms = Gap.INVALID if number else event_time(line)
        if isinstance(time_ms, Gap):
            message = f"{path}: '{line}' is neither a time nor a row number of a source with 'time: {{every}}'"
            raise DataError(message)
        times.append(time_ms)
    return tuple(sorted(times))


def _listed(entries: list[Any]) -> list[str]:
    found = []
    for entry in entries:
        if isinstance(entry, dict) and "time" not in entry:
            message = "an entry has no 'time'"
            raise TypeError(message)
        time = entry["time"] if isinstance(entry, dict) else entry
        if isinstance(time, bool) or not isinstance(time, (str, int)):
            message = "an entry is neither text, a number nor an object"
            raise TypeError(message)
        found.append(str(time))
    return found


def compare(drifts_ms: Sequence[int], events: Sequence[Event]) -> Comparison:
    """Hold episodes against the truth, by when they were detected."""
    opened = sorted(milliseconds(e.time) for e in events if e.type == "io.tidemark.drift.opened")
    found = []
    for drift in drifts_ms:
        until = min((other for other in drifts_ms if other > drift), default=None)
        found.append(next((time for time in opened if time >= drift and (until is None or time < until)), None))
    false = sum(not drifts_ms or time < min(drifts_ms) for time in opened)
    return Comparison(tuple(drifts_ms), tuple(found), false)
