"""What slices that are to be searched have to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.errors import Path, Problem, did_you_mean
from config.model import Model
from config.slices import MOST


def slice_problems(path: Path, model: Model, names: Sequence[str]) -> Iterator[Problem]:
    """Find what does not fit together; ``path`` is that of the slices, and no name stands for categories."""
    if not model.performance:
        yield Problem(path, "are searched for losses of performance; give 'performance', as in '[accuracy]'")
    if model.prediction is not None and model.prediction.task == "ranking":
        yield Problem(path, "are not for ranking predictions: what turned out is told of lists, not of single items")
    if len(names) > MOST:
        yield Problem(path, f"has {len(names)} features (at most {MOST}); name those that matter")
    for name in dict.fromkeys(name for name in names if list(names).count(name) > 1):
        yield Problem(path, f"'{name}' is given twice")
    if not isinstance(model.features, dict):
        return
    if not names and all(feature.type not in ("categorical", "boolean") for feature in model.features.values()):
        yield Problem(path, "there is no categorical or boolean feature; name numeric ones, as in '[age]'")
    for name in names:
        feature = model.features.get(name)
        if feature is None:
            known = f"({', '.join(model.features)}){did_you_mean(name, model.features)}"
            yield Problem(path, f"'{name}' is not one of the features {known}")
        elif feature.type in ("text", "embedding"):
            yield Problem(path, f"'{name}' has no values to slice by: it is {feature.type}")
        elif feature.type == "numeric" and feature.sensitive:
            yield Problem(path, f"'{name}' is sensitive, and slices of a number would tell its values")
