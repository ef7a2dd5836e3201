"""Terms that several kinds of events have in common."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.cloudevents import Time

Kind = Literal[
    "feature",
    "prediction",
    "target",
    "confidence",
    "performance",
    "estimated_performance",
    "correlation",
    "multivariate",
    "quality",
]
Severity = Literal["warning", "critical"]
Escalation = Literal["severity", "signals", "duration"]  # what has risen: warning to critical, how many, how long
Role = Literal["champion", "shadow", "challenger"]


class Span(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A span of time, `from` inclusive, `to` exclusive."""

    start: Time
    end: Time
