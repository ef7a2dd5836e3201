"""What features that are to be sliced, or counted by class, have to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.errors import Path, Problem, did_you_mean
from config.model import Model, Reference
from config.slices import MOST, MOST_BY_CLASS


def slice_problems(path: Path, model: Model, names: Sequence[str]) -> Iterator[Problem]:
    """Find what does not fit together; ``path`` is that of the slices, and no name stands for categories."""
    losses = model.performance and not (model.prediction is not None and model.prediction.task == "ranking")
    if isinstance(model.reference, Reference) and model.reference.previous is not None and not losses:
        yield Problem(
            path,
            "nothing to search: what came before a window is kept as counts, not as records, and of single "
            "predictions no performance is told; give 'performance' of classes or numbers, or a profile",
        )
    if not names and isinstance(model.features, dict):
        if all(feature.type not in ("categorical", "boolean") for feature in model.features.values()):
            yield Problem(path, "there is no categorical or boolean feature; name numeric ones, as in '[age]'")
    yield from _named(path, model, names, MOST, ("to slice by", "slices"))


def class_problems(path: Path, model: Model, names: Sequence[str]) -> Iterator[Problem]:
    """Find what does not fit together; no name stands for all features."""
    if model.prediction is None:
        yield Problem(path, "is of predicted classes; give 'prediction', as in 'binary'")
    elif model.prediction.task not in ("binary", "multiclass"):
        yield Problem(path, f"is of predicted classes; {model.prediction.task} predictions are none")
    yield from _named(path, model, names, MOST_BY_CLASS, ("to count", "counts"))


def _named(path: Path, model: Model, names: Sequence[str], most: int, what: tuple[str, str]) -> Iterator[Problem]:
    if len(names) > most:
        yield Problem(path, f"has {len(names)} features (at most {most}); name those that matter")
    for name in dict.fromkeys(name for name in names if list(names).count(name) > 1):
        yield Problem(path, f"'{name}' is given twice")
    if not isinstance(model.features, dict):
        return
    for name in names:
        feature = model.features.get(name)
        if feature is None:
            known = f"({', '.join(model.features)}){did_you_mean(name, model.features)}"
            yield Problem(path, f"'{name}' is not one of the features {known}")
        elif feature.type in ("text", "embedding"):
            yield Problem(path, f"'{name}' has no values {what[0]}: it is {feature.type}")
        elif feature.type == "numeric" and feature.sensitive:
            yield Problem(path, f"'{name}' is sensitive, and {what[1]} of a number would tell its values")
