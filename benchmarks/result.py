"""What a case comes to."""

from __future__ import annotations

import msgspec


class Result(msgspec.Struct, omit_defaults=True):
    """Rate and cost in steady state, or why there are none."""

    records_per_s: float | None = None
    cpu_us_per_record: float | None = None  # JVM and Python workers; the loop's own process
    records: int = 0
    note: str = ""
