"""Requests to retrain: what is known of the reasons, of the one that is open, and of the data.

It is kept in the state of a model's policy; `retraining` decides by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from operators.decisions.ledger import Ledger
from schemas.retraining import (
    Answered,
    Costs,
    MetricGain,
    MetricLoss,
    Missing,
    RetrainType,
    Sufficiency,
    TrainOn,
    Trigger,
    Withdrawn,
)
from schemas.terms import Kind, Severity


class Cause(msgspec.Struct, kw_only=True):
    """An open episode that counts: as a reason, or against the data."""

    episode: str
    incident: str
    kind: Kind
    severity: Severity  # the highest that it was
    segment: str  # canonical text
    signals: list[str]
    onset_ms: int
    losses: list[MetricLoss] = []  # of episodes of performance
    asked: bool = False  # a request was made because of it
    harmless: bool = False  # somebody has said so, or that it is false: it counts no more


class Spoiled(msgspec.Struct, array_like=True):
    """A span of data that an episode made unfit; one that goes on has no end yet."""

    from_ms: int
    to_ms: int
    episode: str
    why: str


class Request(msgspec.Struct, kw_only=True):
    """A request that is being prepared, or was made."""

    id: str
    version: str
    trigger: Trigger
    since_ms: int  # when there first was a reason
    train_on: TrainOn
    enough: bool = False
    told: str = ""  # before it is made: waiting, or which episodes block it
    causes: list[Cause] = []  # earliest onset first
    expires_ms: int | None = None  # None: it was not made yet
    overdue: bool = False
    supersedes: str | None = None
    answer: Answered | None = None


class Completing(msgspec.Struct, kw_only=True):
    """A request that a new champion has ended, while it is not known yet how that one does."""

    request: Request
    version: str
    since_ms: int
    old: dict[str, float]  # measures of the version before


class Retraining(msgspec.Struct, kw_only=True):
    """What a model's policy knows about retraining."""

    champion: str | None = None
    schedule_ms: int = 0  # since when the schedule counts: the last request, or the champion's first records
    asked_ms: int | None = None  # when the last request was made
    pages: Ledger = []
    causes: list[Cause] = []  # in the order of their opening
    spoiled: list[Spoiled] = []
    ended: Withdrawn = "recovered"  # how the last reason that there was came to an end
    pending: Request | None = None
    request: Request | None = None
    measures: dict[str, dict[str, float]] = {}  # newest ones by version, the newest version last
    completing: Completing | None = None


@dataclass(frozen=True)
class Said:
    """Something to tell about a request."""

    type: RetrainType
    request: Request
    missing: Missing | None = None
    costs: Costs | None = None
    sufficiency: Sufficiency | None = None
    blocking: Sequence[Cause] = ()
    why: Withdrawn | None = None
    new_version: str | None = None
    compared: tuple[MetricGain, ...] | None = None
