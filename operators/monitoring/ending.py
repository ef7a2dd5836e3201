"""Ending: what there is to say of keys that are not watched any more, and when keys without records are forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from config.plan import WindowPlan
from operators.decisions.outputs import Output
from operators.monitoring.evaluation import over
from operators.monitoring.state import Key, Watch, unpack
from operators.sketches.sketch import Slide


def ended(watches: Mapping[int, Watch], slide: Slide | None) -> list[Output]:
    """What there is to say where nobody looks at signals any more: what was open is over."""
    told = [watch.told for _, watch in sorted(watches.items()) if watch.told is not None]
    return [over(change, slide, "configuration") for change in told if slide is not None]


def retire(key: Key, state: bytes) -> list[Output]:
    """What there is to say of a key that is not watched any more: what was open is over."""
    if not state:
        return []
    old = unpack(key, state)
    return ended(old.watches, old.slide)


def forgotten_ms(window: WindowPlan, pane_ms: int) -> int:
    """When a sleeping key is forgotten: at the end of a slide, so that it does not depend on how time passes.

    To the nearest multiple of a window's reach, so that a key has few timers and not one for each time it slept.
    """
    reach_ms = max(window.size_ms, window.grow_to_ms)
    if window.previous_ms:
        reach_ms += max(window.previous_ms, window.grow_to_ms)
    time_ms = -(-(pane_ms + reach_ms) // reach_ms) * reach_ms
    return -(-time_ms // window.slide_ms) * window.slide_ms
