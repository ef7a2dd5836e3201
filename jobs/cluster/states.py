"""What a job's state was made for, part by part: what another configuration finds of it, and what it has to begin anew.

The operators hold their state against the same hashes (`Detection.id` and `Detection.parts`, the
`meaning` of rules and of what is learned).
"""

from __future__ import annotations

import hashlib

import msgspec

from config.plan import ALL, LabelsPlan, ModelPlan
from operators import performance
from operators.joins import is_measured, joined, settling_of
from operators.labels.join_chunks import buckets
from operators.labels.signals import waits_ms
from operators.monitoring.detection import Detection
from operators.profiles.references import FEATURE, JobReferences, ModelSignals, References
from operators.profiles.unprofiled import Unprofiled
from operators.quality.field_reference import FieldReference, field_reference
from operators.quality.rules import meaning, rules_of
from operators.quality.signals import watches_labels

WINDOWS, LEARNED_WINDOWS, EXPECTATIONS = "windows", "windows of learned versions", "expectations"
FIELDS = "fields of records"
OUTCOMES, LABELS = "windows of performance", "shares and delays of labels"
LEARNED, WAITING, STORY = "learned references", "predictions that wait for labels", "episodes and requests"
LASTING = (LEARNED, WAITING, STORY)  # what does not come back by itself with the next windows


class ModelState(msgspec.Struct, frozen=True):
    """What the state of a model was made for.

    Attributes
    ----------
    parts : dict of str to str
        By part: a hash that is another one where the part would begin anew; no part that the model does not have.
    pieces : dict of str to dict of str to str
        By part of which some may go on while others begin anew: hash of each of its pieces by name; that of "" is of
        what all of them depend on.
    level : float
        Level of one windowed test of the newest profile at one evaluation of the whole traffic; 0 without a profile.
    """

    parts: dict[str, str]
    level: float = 0.0
    pieces: dict[str, dict[str, str]] = {}


def states(job: JobReferences) -> dict[str, ModelState]:
    """What the state of each model is made for, by name."""
    references, waiting = References(job), joined(job.plan)
    return {model.name: _state(model, job, references, model.name in waiting) for model in job.plan.models}


def _state(model: ModelPlan, job: JobReferences, references: References, waits: bool) -> ModelState:
    parts = {STORY: ""}
    level = 0.0
    pieces: dict[str, dict[str, str]] = {}
    for version in job.profiles.get(model.name, {}):
        signals = references.find(model.name, version)
        if isinstance(signals, ModelSignals):
            detection = Detection(signals)
            level = detection.level(ALL)
            windows = f"{WINDOWS} of version {version}" if version else WINDOWS
            parts[windows] = _hash(detection.id.hex(), signals.meaning)
            pieces[windows] = {"": detection.parts.layout.frame.hex()}
            pieces[windows].update((name, one.hex()) for name, one in detection.parts.named.items())
            fields = field_reference(model, signals.profile, job.plan.sources)
            if isinstance(fields, FieldReference):
                parts[f"{FIELDS} of version {version}" if version else FIELDS] = _hash(
                    fields.meaning, model.window.slide_ms
                )
    if model.learn is not None:
        unprofiled = Unprofiled(model)
        parts[LEARNED] = _hash(unprofiled.meaning)
        # Never, and not a word, which is as before there were relations without one, are two things.
        related = False if model.correlation is None else model.correlation
        parts[LEARNED_WINDOWS] = _hash(
            unprofiled.meaning, model.features, model.window.slide_ms, model.season, model.quality, related
        )
        pieces[LEARNED_WINDOWS] = _learned_pieces(model, unprofiled.meaning)
    if rules := rules_of(model):
        parts[EXPECTATIONS] = _hash(meaning(rules), model.window.slide_ms)
    if is_measured(model):
        parts[OUTCOMES] = _hash(model.prediction, model.window, performance.mature_ms(model))
    if watches_labels(model):
        parts[LABELS] = _hash(model.window, waits_ms(model))
    if waits:
        ranges = buckets(model.labels.sample) if isinstance(model.labels, LabelsPlan) else 0
        parts[WAITING] = _hash(settling_of(model) is not None, ranges)
    return ModelState(parts, level, pieces)


def _learned_pieces(model: ModelPlan, meaning: int) -> dict[str, str]:
    """Of windows of versions that learn, as far as it is known without what they learn."""
    window = model.window
    found = {"": _hash(window.slide_ms, bool(window.previous_ms), model.season)}
    for feature in model.features:
        found[f"{FEATURE}{feature.name}"] = _hash(meaning, feature.name)
        if feature.detectors is None:
            found[f"the usual detectors on {FEATURE}{feature.name}"] = _hash(meaning, feature.name)
        for detector in feature.detectors or ():
            found[f"{detector.name} on {FEATURE}{feature.name}"] = _hash(meaning, feature.name, detector)
    for name, watched in (("quality", model.quality), ("relations", model.pairs)):
        if not isinstance(watched, msgspec.UnsetType | None):
            found[name] = _hash(meaning, watched)
    return found


def _hash(*about: object) -> str:
    said = [None if one is msgspec.UNSET else one for one in about]
    return hashlib.blake2b(msgspec.json.encode(said), digest_size=8).hexdigest()
