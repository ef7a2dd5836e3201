"""River's own detectors, by name: made, shown values one by one, and kept as bytes that name river's version.

The bytes are ``river VERSION`` and a line's end, then the pickled detector. What another version of river wrote is not
read: its fields may mean something else. Such a detector starts anew, and says so in the log.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from config.plan import DetectorPlan
from config.river_detectors import detector_class, is_binary, takes_seed

VERSION = version("river")
HEAD = f"river {VERSION}\n".encode()

_log = logging.getLogger(__name__)


def start(plan: DetectorPlan, about: str) -> Any:
    """Make a detector that has seen nothing.

    Parameters
    ----------
    plan : DetectorPlan
    about : str
        What it follows, of whom: one that draws at random has its seed from this, unless the plan has one.
    """
    options = dict(plan.options)
    if takes_seed(plan.name) and options.get("seed") is None:
        options["seed"] = int.from_bytes(
            hashlib.blake2b(f"{about} {plan.name}".encode(), digest_size=4).digest(), "little"
        )
    return detector_class(plan.name)(**options)


def pack(detector: Any) -> bytes:
    """Return the state as bytes, of a detector or of anything else of river."""
    return HEAD + pickle.dumps(detector, 5)


def unpack(data: bytes, plan: DetectorPlan, about: str) -> Any:
    """Return the detector that `pack` made into bytes; a new one if another version of river wrote them."""
    found = read(data, plan.name)
    return start(plan, about) if found is None else found


def read(data: bytes, name: str) -> Any | None:
    """Return what `pack` made into bytes; None if another version of river wrote them, which is said by its name."""
    if data.startswith(HEAD):
        return pickle.loads(data[len(HEAD) :])
    _say(name, data.partition(b"\n")[0].decode(errors="replace"))
    return None


def update(detector: Any, values: Sequence[float], name: str) -> list[int]:
    """Show a detector values in their order, and return the positions of its alarms.

    Examples
    --------
    >>> plan = DetectorPlan(name="river:PageHinkley", input="raw")
    >>> update(start(plan, "age"), [0.0] * 100 + [1.0] * 100, plan.name)
    [166]
    """
    found = []
    binary = is_binary(name)
    for position, value in enumerate(values):
        detector.update(value > 0.5 if binary else value)
        if detector.drift_detected:
            found.append(position)
    return found


@lru_cache(maxsize=128)
def _say(name: str, wrote: str) -> None:
    """Once a process, not once a key."""
    _log.warning("state of %s: written by %s, this is river %s; the detector starts anew", name, wrote, VERSION)
