"""Advice: whether to go on training the model or to begin from scratch, by what has changed.

A model knows what its reference has. Where the values of today lie on that, and labels follow from them as they did, it
has little to unlearn and is best updated. Where labels follow otherwise, or most values are where the reference has
none, what it knows is of another world.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from operators.decisions.causes import INPUTS, SIGNAL
from operators.decisions.episodes import Episode
from operators.decisions.outputs import SignalChange
from schemas.cloudevents import significant
from schemas.events import SignalEvidence
from schemas.retraining import Advice

LEAST = 0.5  # of the values of today that lie where the reference has its own; with fewer most is new to the model


def advice(episodes: Sequence[Episode], version: str) -> Advice:
    """What the open episodes of a version say.

    Parameters
    ----------
    episodes
        All open ones of the model.
    version
        That is to be retrained.
    """
    mine = [episode for episode in episodes if episode.version == version]
    found = _advice([change for episode in mine for change in episode.open])
    older = sorted({one.returns.version for one in mine if one.returns is not None} - {version})
    if not older:
        return found
    again = (
        f"inputs are like the reference of version {' and '.join(older)} again, which may do as well or lend its data"
    )
    return msgspec.structs.replace(found, why=f"{found.why}; {again}")


def _advice(open_: Sequence[SignalChange]) -> Advice:
    signals = {change.evidence.signal for change in open_}
    performance = any(change.kind == "performance" for change in open_)
    inputs = [change.evidence for change in open_ if change.kind in INPUTS]
    overlaps = {one.signal: overlap for one in inputs if (overlap := _overlap(one)) is not None}
    least = min(overlaps, key=lambda name: (overlaps[name], name)) if overlaps else None
    shared = None if least is None else significant(overlaps[least])
    if SIGNAL in signals:
        return Advice(how="scratch", why="labels depend on inputs otherwise than they did", overlap=shared)
    if shared is not None and shared < LEAST:
        why = f"{100 * shared:.3g} % of the values of {least} lie where the reference has its own"
        return Advice(how="scratch", why=why, overlap=shared)
    if performance and not inputs:
        return Advice(how="scratch", why="performance has fallen and inputs have not drifted", overlap=None)
    if shared is None:
        why = "inputs have changed in their relations alone" if inputs else "inputs are as the reference has them"
        return Advice(how="update", why=why, overlap=None)
    why = f"the reference covers the new values ({100 * shared:.3g} % of those of {least}, the least)"
    return Advice(how="update", why=why, overlap=shared)


def _overlap(evidence: SignalEvidence) -> float | None:
    """Share of the present values that lie where the reference has as many, by bars or categories."""
    if evidence.histogram is not None:
        pairs = list(zip(evidence.histogram.reference, evidence.histogram.current, strict=True))
    elif evidence.categories is not None:
        pairs = [(one.reference, one.current) for one in evidence.categories]
    else:
        return None
    # Of categories that are not told, those that changed least, shares are the same.
    return max(0.0, 1.0 - sum(max(0.0, now - then) for then, now in pairs))
