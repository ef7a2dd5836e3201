"""Training data: which data a request names, which of them are spoiled, and how fast more of them come."""

from __future__ import annotations

from collections.abc import Sequence

from config.plan import LabelsPlan, ModelPlan, RetrainPlan
from operators.decisions import ledger
from operators.decisions.asking import Request, Retraining, Spoiled
from operators.decisions.ledger import Ledger, Page
from schemas.cloudevents import significant, timestamp
from schemas.retraining import Costs, Excluded, Missing, Offsets, TrainOn

RATE_MS = 3_600_000  # the present rate is that of the last hour, or of a window where that is longer
_HOUR_MS = 3_600_000


def train_on(state: Retraining, from_ms: int, to_ms: int, sample: float | None) -> TrainOn:
    """The whole pages since then, but for those that are spoiled; ``sample`` is the share of ids that are joined."""
    there = ledger.pages(state.pages, from_ms, to_ms)
    if not there:
        now = timestamp(to_ms)
        return TrainOn(start=now, end=now, exclude=(), samples=0, labelled=None if sample is None else 0, offsets=())
    whole = ledger.total(there)
    bad = [(page, why) for page in there if (why := _spoiled_by(state.spoiled, page))]
    samples = whole.records - sum(page.records for page, _ in bad)
    labelled = whole.labelled - sum(page.labelled for page, _ in bad)
    return TrainOn(
        start=timestamp(whole.start_ms),
        end=timestamp(to_ms),
        exclude=_joined(bad),
        samples=samples,
        labelled=None if sample is None else round(labelled / sample),
        offsets=tuple(
            Offsets(topic=topic, partition=partition, start=start, end=end)
            for topic, partitions in sorted(whole.offsets.items())
            for partition, (start, end) in sorted(partitions.items())
        ),
    )


def _spoiled_by(spoiled: Sequence[Spoiled], page: Page) -> str:
    whys = {span.why for span in spoiled if span.from_ms < page.end_ms and span.to_ms > page.start_ms}
    return "; ".join(sorted(whys))


def _joined(bad: Sequence[tuple[Page, str]]) -> tuple[Excluded, ...]:
    """Spoiled pages that follow each other for one reason as one span."""
    spans: list[Excluded] = []
    for page, why in bad:
        start, end = timestamp(page.start_ms), timestamp(page.end_ms)
        if spans and spans[-1].end == start and spans[-1].why == why:
            start = spans.pop().start
        spans.append(Excluded(start=start, end=end, why=why))
    return tuple(spans)


def _recent(state: Retraining, model: ModelPlan, time_ms: int) -> Ledger:
    return ledger.pages(state.pages, time_ms - max(RATE_MS, model.window.size_ms), time_ms)


def _hours(recent: Ledger, time_ms: int) -> float:
    return (time_ms - recent[0].start_ms) / _HOUR_MS if recent else 1.0


def sample_of(model: ModelPlan) -> float | None:
    """The share of ids whose labels are looked for; None without a source of labels."""
    return model.labels.sample if isinstance(model.labels, LabelsPlan) else None


def per_hour(state: Retraining, model: ModelPlan, time_ms: int) -> float:
    """How many records, or labels where they count, come at the present rate."""
    recent = _recent(state, model, time_ms)
    sample = sample_of(model)
    count = sum(page.records if sample is None else page.arrived / sample for page in recent)
    return significant(count / _hours(recent, time_ms))


def missing(plan: RetrainPlan, pending: Request, samples: int, rate: float, time_ms: int) -> Missing:
    """How much longer it takes at a rate."""
    return Missing(
        samples=samples,
        per_hour=rate,
        forecast=timestamp(time_ms + round(samples / rate * _HOUR_MS)) if rate else None,
        until=timestamp(pending.since_ms + plan.max_wait_ms),
    )


def costs(state: Retraining, model: ModelPlan, plan: RetrainPlan, pending: Request, time_ms: int) -> Costs | None:
    """What was lost since the earliest onset, had all its records the newest accuracy; None where nobody knows."""
    losses = [loss for cause in pending.causes for loss in cause.losses if loss.metric == "accuracy" and loss.loss]
    if plan.cost is None or not losses:
        return None
    most = max(losses, key=lambda loss: loss.loss or 0.0)
    now = state.measures.get(pending.version, {}).get("accuracy", most.current)
    rate = max(0.0, (most.baseline or 0.0) - (now if not most.segment else most.current)) * plan.value_per_correct
    since = ledger.pages(state.pages, min(cause.onset_ms for cause in pending.causes), time_ms)
    recent = _recent(state, model, time_ms)
    lost = significant(rate * sum(page.records for page in since))
    per_hour = significant(rate * sum(page.records for page in recent) / _hours(recent, time_ms))
    left = plan.cost - lost
    forecast = timestamp(time_ms + round(left / per_hour * _HOUR_MS)) if left > 0 and per_hour > 0 else None
    return Costs(cost=plan.cost, lost=lost, per_hour=per_hour, forecast=forecast)
