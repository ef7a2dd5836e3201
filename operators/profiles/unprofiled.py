"""Signals of versions without a profile: what decode hands on of their values, until and after they are a reference."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from config.plan import ModelPlan
from operators.encoding.name_ids import NameIds
from operators.profiles.signal_values import CONFIDENCE, FEATURE, PREDICTION, may_be_class, may_be_number
from operators.quality.signals import ranged_features
from schemas.profile import TextReference

Floats = npt.NDArray[np.float64]


class Unprofiled:
    """The signals of a model by what their values are read as; a prediction may be read as both.

    Attributes
    ----------
    numbers, names : tuple of str
        Signals in the order of the configuration, then prediction and confidence, then, as what is measured of
        embeddings depends on what will be learned, the numbers of these themselves.
    measured : tuple of str
        Signals that are measured of embeddings.
    vectors : dict of str to slice
        By field the columns of its numbers.
    parts : frozenset of str
        Names of these.
    texts : dict of str to TextReference
        By field the words that texts are expected to have.
    """

    def __init__(self, model: ModelPlan, texts: Mapping[str, TextReference] | None = None) -> None:
        self.model = model
        self.texts = dict(texts or {})
        numeric = [FEATURE + f.name for f in model.features if f.type == "numeric" and f.dim is None]
        self.measured = tuple(FEATURE + f.name for f in model.features if f.dim is not None)
        named = [FEATURE + f.name for f in model.features if f.type != "numeric"]
        self.numbers = (*numeric, *([PREDICTION] if may_be_number(model) else ()), CONFIDENCE)
        self.vectors: dict[str, slice] = {}
        for field, dim in {f.field: f.dim for f in model.features if f.dim is not None}.items():
            first = len(self.numbers)
            self.numbers += tuple(f"{FEATURE}{field}[{place}]" for place in range(dim))
            self.vectors[field] = slice(first, len(self.numbers))
        self.parts = frozenset(name for places in self.vectors.values() for name in self.numbers[places])
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
        if self.texts:
            about.append(sorted((field, hashlib.blake2b(text.words).hexdigest()) for field, text in self.texts.items()))
        if self.vectors:
            about.append([(field, places.stop - places.start) for field, places in self.vectors.items()])
        self.meaning = int.from_bytes(hashlib.blake2b(msgspec.json.encode(about), digest_size=4).digest(), "little")


def vector_column(numbers: Floats) -> pa.Array:
    """A column of vectors from their numbers: all NaN is missing, infinite is invalid; shape (vectors, dim)."""
    missing = pa.array(np.isnan(numbers[:, 0]))
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), numbers.shape[1], mask=missing)
