"""Signal changes for tests: everything but what a test is about has a value."""

from __future__ import annotations

from typing import Any

from operators.decisions.outputs import SignalChange
from schemas.cloudevents import timestamp
from schemas.events import Effect, Moments, SignalEvidence, Window

MINUTE = 60_000


def change(minute: int, signal: str = "feature.age", state: str = "opened", **more: Any) -> SignalChange:
    """A change of a signal at a minute, with its onset five minutes before unless told."""
    level = more.pop("level", "large")
    onset_ms = more.pop("onset", minute - 5) * MINUTE
    size = more.pop("size", 0.41)
    window = Window(start=timestamp((minute - 10) * MINUTE), end=timestamp(minute * MINUTE), count=1000, share=1.0)
    return SignalChange(
        **{  # type: ignore[arg-type]  # one dictionary of all kinds
            "time_ms": minute * MINUTE,
            "model": "churn",
            "version": "3",
            "role": "champion",
            "segment": "all",
            "kind": "feature",
            "state": state,
            "level": level,
            "severity": "critical" if level == "large" else "warning",
            "onset_ms": onset_ms,
            "empty": False,
            "window": window,
            "of": 23,
            "profile_id": "sha256:1",
            "evidence": SignalEvidence(
                signal=signal,
                onset=timestamp(onset_ms),
                detector="psi",
                statistic=size,
                threshold=0.03,
                p_value=1e-40,
                effect=Effect(size=size, level=level, direction="up"),
                reference=Moments(mean=41.2),
                current=Moments(mean=48.9),
            ),
            **more,
        }
    )
