"""Error streams: errors and losses of predictions followed in the order in which their labels come, as early warning.

They are signals like any other, of a model whose features are its errors, with the baseline as their reference. Only
a rise is an alarm. They are followed in the whole traffic and in each segment of which the baseline has enough labels.
"""

from __future__ import annotations

import msgspec
import numpy as np

from config.plan import ALL
from operators import monitor
from operators.decisions.outputs import Progress
from operators.encoding.chunks import Pane
from operators.labels.join_rows import Labelled
from operators.metrics.baseline import baseline_of, error_model, errors_of, followed
from operators.monitor import Step
from operators.monitoring.detection import Detection
from operators.monitoring.state import Key
from operators.profiles.references import FEATURE, ModelSignals
from schemas.profile import PerformanceReference, Profile, Provenance


class ErrorStreams:
    """The errors of a model version.

    Parameters
    ----------
    whole
        Detection of its records, whose budget they share.
    """

    def __init__(self, whole: Detection) -> None:
        signals, model = whole.signals, whole.signals.model
        known, plans = baseline_of(signals.profile), followed(model, signals.profile)
        assert known is not None, "there are streams"
        assert model.prediction is not None, "labels are of what is predicted"
        self._prediction, self._names = model.prediction, tuple(plans)
        pseudo = error_model(model)
        features = tuple(
            msgspec.structs.replace(feature, detectors=plans[feature.name])
            for feature in pseudo.features
            if feature.name in plans
        )
        sliced = msgspec.structs.replace(pseudo, features=features, segments=model.segments)
        own = ModelSignals(sliced, _profile(signals.profile, known))
        self._coder, self._moments, self._raw = own.numeric_coder, own.moments, list(own.raw)
        self._detection = Detection(own, one_sided=True)
        self._detection.tests, self._detection.segments = whole.tests, whole.segments
        own.profile_id, own.kind = signals.profile_id, signals.kind
        self._followed = {ALL: True}
        own.names = tuple(f"performance.{name}" for name in self._names)
        own.kinds = tuple("performance" for _ in self._names)

    def follows(self, segment: str) -> bool:
        """Whether errors of a segment are followed: only against its own, as a segment may always have had more."""
        if segment not in self._followed:
            own, whole = self._detection.references.signals(segment), self._detection.signals.signals
            self._followed[segment] = own is not None and all(
                one is not other for one, other in zip(own, whole, strict=True)
            )
        return self._followed[segment]

    def step(self, key: Key, state: bytes, ring: bytes, found: Labelled | None, pane_ms: int, until_ms: int) -> Step:
        """Fold the labels of a pane, or let time pass."""
        pane = None if found is None or not len(found.values) else self._pane(found, pane_ms)
        step = monitor.step(self._detection, key, state, lambda: ring, pane, until_ms, scores=True)
        step.outputs = [output for output in step.outputs if not isinstance(output, Progress)]
        step.summaries = [msgspec.structs.replace(summary, about="errors") for summary in step.summaries]
        return step

    def _pane(self, found: Labelled, pane_ms: int) -> Pane:
        errors = errors_of(self._prediction, found.values)
        values = np.column_stack([errors[name] for name in self._names])
        codes = self._coder.codes(values)
        sums = self._moments.sums(values, codes, np.array([len(values)]))[0]
        return Pane(
            end_ms=pane_ms,
            times_ms=np.clip(found.labels_ms, None, pane_ms - 1),
            codes=codes,
            sums=sums,
            raw=np.ascontiguousarray(values[:, self._raw]),
        )


def _profile(profile: Profile, known: PerformanceReference) -> Profile:
    """The baseline as a profile of errors."""
    made = Provenance(
        source=known.source,
        rows=known.labels,
        start=None,
        end=None,
        tidemark=profile.provenance.tidemark,
        order=known.order,
    )
    signals = {FEATURE + name: signal for name, signal in known.streams.items()}
    slices = {} if isinstance(known.slices, msgspec.UnsetType) else known.slices
    return Profile(
        model=profile.model,
        version=profile.version,
        provenance=made,
        signals=signals,
        segments=profile.segments,
        slices={"": slices},
    )
