"""Events for tests of consumers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from schemas.events import decode

MESSAGES = Path(__file__).parents[1] / "data" / "messages" / "v1"

DRIFT: dict[str, Any] = msgspec.json.decode((MESSAGES / "drift.opened.json").read_bytes())
OPENED = decode(msgspec.json.encode(DRIFT))
UNKNOWN = msgspec.json.encode({**DRIFT, "type": "io.tidemark.forecast.made", "dataschema": "urn:tidemark:forecast:1"})


def message(id: str) -> bytes:
    """An event with this id."""
    return msgspec.json.encode({**DRIFT, "id": id})
