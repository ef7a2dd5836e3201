"""Signals of versions without a profile: what decode hands on of their values, until and after they are a reference."""

from __future__ import annotations

import hashlib

import msgspec

from config.plan import ModelPlan
from operators.encoding.name_ids import NameIds
from operators.profiles.profiling import CONFIDENCE, FEATURE, PREDICTION, may_be_class, may_be_number
from operators.quality.signals import ranged_features


class Unprofiled:
    """The signals of a model by what their values are read as; a prediction may be read as both.

    Attributes
    ----------
    numbers, names : tuple of str
        Signals in the order of the configuration, then prediction and confidence.
    """

    def __init__(self, model: ModelPlan) -> None:
        self.model = model
        numeric = [FEATURE + f.name for f in model.features if f.type == "numeric"]
        named = [FEATURE + f.name for f in model.features if f.type != "numeric"]
        self.numbers = (*numeric, *([PREDICTION] if may_be_number(model) else ()), CONFIDENCE)
        self.names = (*named, *([PREDICTION] if may_be_class(model) else ()))
        features = {FEATURE + f.name: f for f in model.features}
        self.name_ids = tuple(
            NameIds(
                truth=name in features and features[name].type == "boolean",
                sensitive=name in features and features[name].sensitive,
            )
            for name in self.names
        )
        # What is learned depends on all of this: another one, and there is something else to learn.
        about: list[object] = [
            [(f.name, f.type, f.sensitive) for f in model.features],
            model.prediction,
            model.disclose,
        ]
        if ranged := ranged_features(model):
            about.append([(model.features[position].name, model.features[position].range) for position in ranged])
        self.meaning = int.from_bytes(hashlib.blake2b(msgspec.json.encode(about), digest_size=4).digest(), "little")
