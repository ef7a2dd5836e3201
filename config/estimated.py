"""Measures of performance that can be estimated before labels come, by the task of the model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from config.scalars import TRUTH, OneOf
from config.section import Also
from config.texts import shape

ESTIMATED = {
    "binary": ("accuracy", "precision", "recall", "specificity", "f1", "roc_auc"),
    # Recall and areas of more classes would take the probabilities of all classes, of which a score tells one.
    "multiclass": ("accuracy", "precision"),
    "regression": ("mae", "mse", "rmse"),
    "ranking": (),
}
EVERY = tuple(dict.fromkeys(name for names in ESTIMATED.values() for name in names))


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        if value.lower() not in TRUTH:
            return [value]
        return list(EVERY) if TRUTH[value.lower()] else []
    if isinstance(value, bool):
        return list(EVERY) if value else []
    if not isinstance(value, (list, tuple)):
        msg = f"is {shape(value)}, not a list of measures"
        raise ValueError(msg)
    return value


# `true` is every measure that there is of the task.
Estimated = Annotated[
    tuple[
        Annotated[
            Literal["accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "mae", "mse", "rmse"],
            OneOf("a measure that can be estimated"),
        ],
        ...,
    ],
    BeforeValidator(_listed),
    Also({"type": ["boolean", "string"]}),
]
