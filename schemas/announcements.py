"""Announcements: what is told beside drifts and retraining, of a model's stream, references and control messages."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from schemas.cloudevents import MEDIA_TYPE, Time
from schemas.terms import Role

STREAM_SCHEMA: Final = "urn:tidemark:stream:1"
PROFILE_SCHEMA: Final = "urn:tidemark:profile:1"
REFUSED_SCHEMA: Final = "urn:tidemark:refused:1"

StreamType = Literal["io.tidemark.stream.silent", "io.tidemark.stream.resumed"]
ProfileType = Literal["io.tidemark.profile.learned", "io.tidemark.profile.rebased", "io.tidemark.profile.restored"]
RefusedType = Literal["io.tidemark.control.refused"]


class StreamData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model's stream of records stopped, or goes on."""

    model: str
    last_record: Time  # event time of the newest record before the silence
    freshness_ms: int  # silence that is reported
    configuration: str = ""  # id; events of older releases have none
    info: dict[str, Any]  # the model's `info` of the configuration
    muted: bool
    message: str


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A model's stream fell silent or resumed: the only events on the wall clock, a stopped stream has no other."""

    specversion: Literal["1.0"] = "1.0"
    type: StreamType
    source: str
    id: str
    time: Time  # wall clock
    subject: str  # MODEL
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:stream:1"] = STREAM_SCHEMA
    data: StreamData


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has accepted as the new normal, or does not any more."""

    episode: str
    signals: tuple[str, ...]  # that are compared with the window, or with the profile again
    by: str
    why: str


class ProfileData(msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}, omit_defaults=True):
    """Records of a model version are the reference of its traffic, or of a segment of it: the first ones, or a window.

    In `restored` the window that they were is let go.
    """

    model: str
    version: str
    role: Role
    segment: dict[str, str]  # empty: the whole traffic
    profile: str  # id of what is compared with from now on
    records: int  # that it was made of; of the window
    signals: int  # that it describes; that are compared with the window
    start: Time  # event time of the first of the records; of the window
    end: Time  # of the last
    configuration: str = ""  # id; events of older releases have none
    info: dict[str, Any]  # the model's `info` of the configuration
    muted: bool
    message: str
    accepted: Accepted | None = None  # `rebased` and `restored` only


class ProfileEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A reference was learned from the stream, rebased on a window that was accepted, or restored."""

    specversion: Literal["1.0"] = "1.0"
    type: ProfileType
    source: str
    id: str
    time: Time  # event time from which on records are compared with it
    subject: str  # MODEL/VERSION/SEGMENT
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:profile:1"] = PROFILE_SCHEMA
    data: ProfileData


class RefusedData(msgspec.Struct, frozen=True, kw_only=True):
    """A message on the control topic that nothing follows from."""

    model: str
    control: str  # id of the message
    what: str  # it asks for: accept, acknowledge or answer
    about: str  # the episode or request
    refused: str  # why nothing follows
    by: str  # who says it
    configuration: str
    info: dict[str, Any]  # the model's `info` of the configuration
    muted: bool
    message: str


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody told the job is not done."""

    specversion: Literal["1.0"] = "1.0"
    type: RefusedType
    source: str
    id: str
    time: Time  # event time
    subject: str  # MODEL
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:refused:1"] = REFUSED_SCHEMA
    data: RefusedData
