"""Terms of events that configurations name: types, kinds, severities."""

from __future__ import annotations

from typing import Annotated, Literal

from config.scalars import OneOf
from schemas import terms
from schemas.events import DriftType, ProfileType, RefusedType, StreamType
from schemas.retraining import RetrainType

Severity = Annotated[terms.Severity, OneOf("a severity")]
EpisodeKind = Annotated[terms.Kind, OneOf("a kind of episode")]
EventType = Annotated[Literal[DriftType, RetrainType, StreamType, ProfileType, RefusedType], OneOf("a type of event")]
