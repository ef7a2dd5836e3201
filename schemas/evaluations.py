"""Evaluations: what each detector found in each window; a row of ``backtest --scores``."""

from __future__ import annotations

import msgspec

from schemas.cloudevents import Time


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on one signal at one time. Numbers are finite; null is "there is none"."""

    time: Time  # end of the window
    model: str
    version: str
    segment: str  # canonical text
    signal: str
    detector: str
    count: int  # values that the detector saw
    statistic: float | None
    threshold: float | None
    p_value: float | None
    effect: float | None  # size, in the detector's own unit
    alarm: bool


COLUMNS: tuple[str, ...] = Evaluation.__struct_fields__
