"""All models at once, each in a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, tuple_

from schemas import segments
from store.found import Fleet, Key
from store.rows import Rows, held_of, summary_of
from store.tables import day_ms
from store.tables import days as DAYS
from store.tables import episodes as EPISODES
from store.tables import keys as KEYS
from store.tables import summaries as SUMMARIES

LABELLED = "labels.share"  # the signal of summaries of labels that says which share has them
DAY_SUMS = tuple(func.sum(DAYS.c[name]) for name in ("windows", "records", "exceeded", "expected"))


def fleet(rows: Rows, models: Sequence[str], since_ms: int) -> list[Fleet]:
    """The models, with what was added up of them from the day of `since_ms` on."""
    windows: dict[str, list[Key]] = defaultdict(list)
    for row in rows(select(KEYS).where(KEYS.c.segment == segments.ALL).order_by(KEYS.c.end_ms.desc())):
        windows[row.model].append(Key(**row._mapping))
    open_ones: dict[str, list[Any]] = defaultdict(list)
    columns = EPISODES.c.model, EPISODES.c.severity, EPISODES.c.muted
    for row in rows(select(*columns).where(EPISODES.c.ended_ms.is_(None)).order_by(EPISODES.c.updated_ms)):
        open_ones[row.model].append(row)
    added = select(DAYS.c.model, *DAY_SUMS).where(DAYS.c.day_ms >= day_ms(since_ms)).group_by(DAYS.c.model)
    held = {row.model: held_of(row[1:]) for row in rows(added)}
    labelled = _labelled(rows)
    return [
        Fleet(
            model=model,
            versions=tuple(dict.fromkeys(key.version for key in windows[model])),
            newest_ms=max((key.end_ms for key in windows[model]), default=None),
            per_s=next((key.per_s for key in windows[model] if key.about == "records"), 0.0),
            status=next((key.status for key in windows[model] if key.about == "records"), None),
            warning=sum(row.severity == "warning" for row in open_ones[model]),
            critical=sum(row.severity == "critical" for row in open_ones[model]),
            held=held.get(model, held_of((0, 0, 0, 0.0))),
            labelled=labelled.get(model, _labels_a_record(windows[model])),
            muted=bool(open_ones[model] and open_ones[model][-1].muted),
        )
        for model in models
    ]


def _labelled(rows: Rows) -> dict[str, float]:
    """By model, which share of the predictions has labels, in the newest window that tells it."""
    names = ("model", "version", "segment", "about", "end_ms")
    newest = select(*(KEYS.c[name] for name in names)).where(KEYS.c.about == "labels", KEYS.c.segment == segments.ALL)
    windows = select(SUMMARIES.c.end_ms, SUMMARIES.c.body).where(
        tuple_(*(SUMMARIES.c[name] for name in names)).in_(newest)  # joined, SQLite would go through all summaries
    )
    found: dict[str, float] = {}
    for row in sorted(rows(windows), key=lambda row: row.end_ms):
        for each in summary_of(row.body).evaluations:
            if each.signal == LABELLED and each.statistic is not None:
                found[each.model] = each.statistic
    return found


def _labels_a_record(keys: Sequence[Key]) -> float | None:
    """Labels that came for each record, where labels are not watched for themselves."""
    labels, records = (
        next((key.per_s for key in keys if key.about == about), 0.0) for about in ("performance", "records")
    )
    return min(1.0, labels / records) if labels and records else None
