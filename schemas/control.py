"""Control: what people and pipelines tell the job, as CloudEvents on a topic of their own.

A message takes effect at its event time: Kafka's timestamp, in files its own `time`. One that nothing can follow from
is refused by an event.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from schemas.cloudevents import MEDIA_TYPE, Time, encode
from schemas.errors import TidemarkError
from schemas.retraining import Answer
from schemas.terms import Kind, Role

__all__ = [
    "CONTROL_SCHEMA",
    "PROFILED",
    "Accept",
    "Acknowledge",
    "Command",
    "ControlError",
    "ControlEvent",
    "ControlType",
    "Judgement",
    "Mute",
    "Reply",
    "decode",
    "encode",
]

CONTROL_SCHEMA: Final = "urn:tidemark:control:1"

ControlType = Literal[
    "io.tidemark.control.acknowledge",
    "io.tidemark.control.mute",
    "io.tidemark.control.answer",
    "io.tidemark.control.accept",
]
# Kinds of episodes that can be accepted: what they are about is compared with a profile.
PROFILED: Final[frozenset[Kind]] = frozenset(
    ("feature", "prediction", "confidence", "multivariate", "correlation", "quality")
)
Judgement = Literal["real", "harmless", "false"]


class ControlError(TidemarkError):
    """A message on the control topic that says nothing that could be done; look at who writes to it."""


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="acknowledge", rename={"as_": "as"}):
    """Somebody has looked at an episode. One that is harmless or false is no reason to retrain."""

    model: str
    episode: str
    as_: Judgement
    by: str = ""
    why: str = ""


class Mute(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="mute"):
    """A model's events are to be delivered to nobody, and nothing is to be retrained; detection goes on."""

    model: str
    for_ms: int  # from the message's event time on; 0 ends what an earlier one began
    by: str = ""
    why: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="answer"):
    """What a pipeline makes of a retrain request. One that failed is made again after the cooldown."""

    model: str
    request: str
    answer: Answer
    by: str = ""
    why: str = ""


class Accept(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="accept"):
    """What an episode found is the new normal: from now on its signals are compared with the present window.

    The fields but for the last three are those of an event of the episode, which `tidemark accept` looks up.
    """

    model: str
    version: str
    role: Role = "champion"
    segment: dict[str, str] = {}  # empty: the whole traffic
    kind: Kind
    episode: str
    signals: tuple[str, ...]  # that are open, by that event
    seen: Time  # its time: what opened later is not meant
    undo: bool = False  # of an episode that was accepted: compare its signals with the profile again
    by: str = ""
    why: str = ""


Command = Acknowledge | Mute | Reply | Accept


class ControlEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A message to the job."""

    specversion: Literal["1.0"] = "1.0"
    type: ControlType
    source: str  # who says it
    id: str
    time: Time
    subject: str  # MODEL
    datacontenttype: Literal["application/json"] = MEDIA_TYPE
    dataschema: Literal["urn:tidemark:control:1"] = CONTROL_SCHEMA
    data: Command


def event(command: Command, source: str, id: str, time: str) -> ControlEvent:
    """The message of a command."""
    kind = {type: type.rpartition(".")[2] for type in get_args(ControlType)}
    what = str(command.__struct_config__.tag)
    (type,) = (type for type, word in kind.items() if word == what)
    return ControlEvent(type=type, source=source, id=id, time=time, subject=command.model, data=command)


def decode(data: bytes) -> ControlEvent:
    """Read one message.

    Raises
    ------
    ControlError
        It does not keep to the schema.
    """
    try:
        found = msgspec.json.decode(data, type=ControlEvent)
    except msgspec.DecodeError as error:
        message = f"control: {error}"
    except UnicodeDecodeError:
        message = "control: text that is not UTF-8"
    except RecursionError:
        message = "control: nested too deeply"
    else:
        what = str(found.data.__struct_config__.tag)
        if found.type.endswith(f".{what}"):
            return found
        message = f"control: type '{found.type}' with data that say '{what}'"
    raise ControlError(message)
