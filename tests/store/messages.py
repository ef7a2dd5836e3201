"""Messages of a job, for stores."""

from __future__ import annotations

from consumers.samples import TIME, drift_event, retrain_event
from schemas import cloudevents, summaries
from schemas.cloudevents import milliseconds, timestamp
from schemas.events import Window, encode
from schemas.summaries import Summary
from store import Message

MINUTE = 60_000
START_MS = milliseconds(TIME)


def drift(what="opened", minute=0, **about):
    event = drift_event(what, time=timestamp(START_MS + minute * MINUTE), **about)
    return Message(encode(event), event)


def asked(what="requested", minute=0, **about):
    event = retrain_event(what, time=timestamp(START_MS + minute * MINUTE), **about)
    return Message(encode(event), event)


def window(minute=0, *, model="churn", version="3", segment="all", about="records", count=100, **more):
    """The summary of five minutes."""
    start_ms = START_MS + minute * MINUTE
    summary = Summary(
        model=model,
        version=version,
        segment=segment,
        window=Window(start=timestamp(start_ms), end=timestamp(start_ms + 5 * MINUTE), count=count, share=1.0),
        status=more.pop("status", "ok"),
        counts=more.pop("counts", {}),
        evaluations=more.pop("evaluations", ()),
        about=about,
        **more,
    )
    body = summaries.encode(cloudevents.source("prod", "job"), summary)
    return Message(body, summaries.decode(body))
