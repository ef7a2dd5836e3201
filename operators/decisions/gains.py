"""Gains and losses: what measures of performance have become, against what they were."""

from __future__ import annotations

from collections.abc import Mapping

from config.metrics import MORE_IS_WORSE
from operators.decisions.episodes import Episode
from schemas import segments
from schemas.cloudevents import significant
from schemas.retraining import MetricGain, MetricLoss

TWO_SIDED = ("bias",)  # neither more nor less is better


def losses(episode: Episode) -> list[MetricLoss]:
    """What an episode of performance says, in the order of the measures' names."""
    found = []
    for change in sorted(episode.open, key=lambda change: change.evidence.signal):
        evidence = change.evidence
        then, now = evidence.reference.value, evidence.current.value
        if now is None:
            continue
        loss = None if then is None else significant(then - now if evidence.effect.direction == "down" else now - then)
        name = evidence.signal.partition(".")[2]
        segment = segments.parse(episode.segment)
        labels = None if evidence.current.low is None else change.window.count
        found.append(
            MetricLoss(
                metric=name,
                segment=segment,
                baseline=then,
                current=now,
                loss=loss,
                low=evidence.current.low,
                high=evidence.current.high,
                labels=labels,
            )
        )
    return found


def gains(old: Mapping[str, float], new: Mapping[str, float]) -> tuple[MetricGain, ...]:
    """What a new version is better at than an old one, by measure.

    >>> [(one.metric, one.gain) for one in gains({"accuracy": 0.75, "mae": 2.0}, {"accuracy": 1.0, "mae": 2.5})]
    [('accuracy', 0.25), ('mae', -0.5)]
    """
    return tuple(_gain(metric, old.get(metric), new.get(metric)) for metric in sorted(old.keys() | new.keys()))


def _gain(metric: str, old: float | None, new: float | None) -> MetricGain:
    gain = None
    if old is not None and new is not None and metric not in TWO_SIDED:
        gain = significant(old - new if metric in MORE_IS_WORSE else new - old)
    return MetricGain(metric=metric, old=old, new=new, gain=gain)
