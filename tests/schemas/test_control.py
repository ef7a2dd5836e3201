"""Control messages: what is written is read, and what is none is told of."""

from __future__ import annotations

import msgspec
import pytest

from schemas import control
from schemas.control import Accept, Acknowledge, ControlError, Mute, Reply

TIME = "2026-01-05T10:05:00.000Z"
MUTE = Mute(model="churn", for_ms=1, by="ann", why="x")


@pytest.mark.parametrize(
    "command",
    [
        MUTE,
        Acknowledge(model="churn", episode="e", as_="false"),
        Reply(model="churn", request="r", answer="failed"),
        Accept(model="churn", version="3", kind="feature", episode="e", signals=("feature.age",), seen=TIME, undo=True),
    ],
)
def test_each_command_survives(command):
    """With its type."""
    event = control.event(command, "s", "i", "2026-01-05T10:05:00.000Z")
    assert control.decode(control.encode(event)) == event
    assert event.type == f"io.tidemark.control.{command.__struct_config__.tag}"


def changed(**more):
    event = control.event(MUTE, "s", "i", "2026-01-05T10:05:00.000Z")
    return msgspec.json.encode({**msgspec.to_builtins(event), **more})


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "control: Input data was truncated"),
        (b"{}", "control: Object missing required field `type`"),
        (b'{"a":"\xff"}', "control: Object missing required field `type`"),
        (
            changed(type="io.tidemark.control.answer"),
            "control: type 'io.tidemark.control.answer' with data that say 'mute'",
        ),
        (changed(type="x"), "control: Invalid enum value 'x' - at `$.type`"),
        (changed(data={"what": "mute", "model": "m"}), "control: Object missing required field `for_ms` - at `$.data`"),
        (changed(data={"what": "stop"}), "control: Invalid value 'stop' - at `$.data.what`"),
        (b'{"a":' + b"[" * 100_000, "control: nested too deeply"),
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_message(data, text):
    """It is never taken for one."""
    with pytest.raises(ControlError) as raised:
        control.decode(data)
    assert str(raised.value) == text
