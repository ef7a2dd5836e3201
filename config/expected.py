"""What can be expected of which field, and how it is read: as a number or as a name."""

from __future__ import annotations

from config.model import Model

# Measures of texts and embeddings that are the same whatever the reference is.
MEASURED = {"text": "length", "embedding": "norm"}


def expected_number(model: Model, field: str) -> bool | None:
    """Whether a field of which something is expected is read as a number; None: nothing can be expected of it."""
    features = model.features if isinstance(model.features, dict) else {}
    if field in features:
        return features[field].type in ("numeric", "embedding")  # of the latter the norm
    whole, _, measure = field.rpartition(".")
    if whole in features and MEASURED.get(features[whole].type) == measure:
        return True
    if field == "confidence":
        return True
    if field not in ("prediction", "label"):
        return None
    expectation = model.expect[field]
    limited = expectation.min is not None or expectation.max is not None
    return limited or (model.prediction is not None and model.prediction.task == "regression")


def refused(model: Model, field: str, rule: str) -> str | None:
    """Why a rule cannot be held against a field of which something can be expected; None: it can."""
    features = model.features if isinstance(model.features, dict) else {}
    kind = features[field].type if field in features else None
    return refused_of(kind, field, rule, number=expected_number(model, field) is not False)


def refused_of(kind: str | None, field: str, rule: str, *, number: bool) -> str | None:
    """The same of a field of which the type is known: ``kind`` of a feature, and whether it is read as a number."""
    if kind == "embedding" and rule not in ("missing", "invalid"):
        return f"'{field}' is an embedding (missing, invalid; '{field}.norm' for its length)"
    if kind == "text" and rule in ("min", "max", "unseen"):
        return f"'{field}' is a text (in, missing, invalid, unique; '{field}.length' for its characters)"
    if rule in ("min", "max") and not number:
        return f"is for numbers, and '{field}' is none (in)"
    if rule == "unseen" and kind is None and field != "prediction":
        return f"is for features and the prediction, and '{field}' is neither"
    return None
