"""What must hold of measures of performance, and of the labels that they are computed of."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from config.detector_checks import detector_problems
from config.errors import Path, Problem, did_you_mean
from config.labels import Labels
from config.metrics import BESIDE, BY_CLASS, CONCEPT, MAY_HAVE_K, OF_TASK, STREAM, VALUE, WITH_K
from config.model import Feature, Model, Prediction
from config.performance import Measured
from config.plan import MetricPlan


def performance_problems(path: Path, model: Model) -> Iterator[Problem]:
    """Find what does not fit together; ``path`` is the model's."""
    seen = set()
    if model.value and (model.prediction is None or model.prediction.task != "binary"):
        yield Problem((*path, "value"), "is of predictions of two classes; give 'prediction: {task: binary, ...}'")
    for index, metric in enumerate(model.performance):
        for name, limits in metric.items():
            for title in _titles(name, limits):
                if title in seen:
                    yield Problem((*path, "performance", index), f"'{title}' is given twice")
                seen.add(title)
            yield from _metric_problems((*path, "performance", index), name, model.prediction)
            yield from _of_problems((*path, "performance", index, name), name, limits, model)
            if name == CONCEPT and (limits.min is not None or limits.max is not None):
                message = "has no limits: it follows from the budget alone"
                yield Problem((*path, "performance", index, name), message)
            if limits.min is not None and limits.max is not None and limits.min > limits.max:
                yield Problem((*path, "performance", index, name), f"has min {limits.min:g} above max {limits.max:g}")


def settled_by(labels: Labels, prediction: Prediction | None) -> str | None:
    """What asks for outcomes that are settled once they are mature."""
    if labels.keep == "last":
        return "keep: last"
    if labels.absent is not None:
        return "absent"
    return "task: ranking" if prediction is not None and prediction.task == "ranking" else None


def absent_problems(path: Path, absent: str, prediction: Prediction | None) -> Iterator[Problem]:
    """Whether the absence of a label can be an outcome of what is predicted."""
    if prediction is None or (prediction.task == "multiclass" and prediction.classes is None):
        what = "task: multiclass, classes: [A, B, C]" if prediction else "task: binary, positive: CLASS"
        yield Problem(
            path, f"'{absent}' is an outcome of a prediction that is not described; give 'prediction: {{{what}}}'"
        )
    elif prediction.task == "regression" and not is_number(absent):
        yield Problem(path, f"'{absent}' is not a number, and the prediction is one")
    elif prediction.task == "ranking" and prediction.positive is None and not is_relevance(absent):
        yield Problem(path, f"'{absent}' is not a relevance (a number from 0 up, true or false); give 'positive'")
    elif prediction.classes is not None and absent not in prediction.classes:
        yield Problem(path, f"'{absent}' is not one of the classes ({', '.join(prediction.classes)})")


def _titles(name: str, said: Measured) -> Iterator[str]:
    plan = MetricPlan(name=name, average=said.average or "macro", k=said.k)
    for of in said.classes or (None,):
        yield msgspec.structs.replace(plan, of=of).title


def _of_problems(path: Path, name: str, said: Measured, model: Model) -> Iterator[Problem]:
    """Whether what a measure is said to be of goes with it."""
    prediction = model.prediction
    task, known = (prediction.task, prediction.classes) if prediction else ("", None)
    if said.average and (name not in BY_CLASS or task != "multiclass"):
        yield Problem((*path, "average"), f"is of {', '.join(BY_CLASS)} of several classes ('task: multiclass')")
    if said.classes:
        if name not in BY_CLASS:
            yield Problem((*path, "classes"), f"is of {', '.join(BY_CLASS)}")
        elif known is None:
            yield Problem((*path, "classes"), "needs to know all classes; give 'prediction: {..., classes: [A, B]}'")
        else:
            for of in said.classes:
                if of not in known:
                    listed = f"({', '.join(known)}){did_you_mean(of, known)}"
                    yield Problem((*path, "classes"), f"'{of}' is not one of the model's classes {listed}")
        if said.average:
            yield Problem((*path, "average"), "is over all classes; leave 'classes' out, or give both as an item each")
    if said.detectors is not None and name != STREAM:
        yield Problem((*path, "detectors"), f"are of '{STREAM}'; measures are tested")
    for index, detector in enumerate(said.detectors or ()):
        of_classes = task != "regression" and detector.name.startswith("river:binary.")
        feature = Feature(type="boolean" if of_classes else "numeric")
        yield from detector_problems((*path, "detectors", index), detector, feature)
    for limit in ("min", "max") if name == STREAM else ():
        if getattr(said, limit) is not None:
            yield Problem((*path, limit), f"is of measures; '{STREAM}' are compared with the baseline")
    if said.k is None and name in WITH_K:
        yield Problem(path, f"needs 'k', as in '- {name}: {{k: 100}}'")
    elif said.k is not None and name not in (*WITH_K, *MAY_HAVE_K):
        yield Problem((*path, "k"), f"is of {', '.join((*WITH_K, *MAY_HAVE_K))}")
    if name == VALUE and task == "binary" and model.value is None:
        yield Problem(path, "needs what predictions are worth; give 'value: {tp: 10, fp: -2}' of the model")


def is_relevance(text: str) -> bool:
    """Whether a text says how relevant an item is."""
    return text in ("true", "false") or (is_number(text) and float(text) >= 0)


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _metric_problems(path: Path, name: str, prediction: Prediction | None) -> Iterator[Problem]:
    """Whether a measure goes with what the model predicts."""
    if prediction is None:
        yield Problem(path, f"'{name}' needs to know what is predicted; give 'prediction: binary' or another task")
        return
    known = OF_TASK[prediction.task]
    if name not in (*known, *BESIDE[prediction.task]):
        yield Problem(path, f"'{name}' is not for {prediction.task} predictions ({', '.join(known)})")
    elif prediction.task == "binary" and prediction.positive is None:
        yield Problem(path, f"'{name}' needs the positive class; give 'prediction: {{task: binary, positive: CLASS}}'")
    elif prediction.task == "multiclass" and prediction.classes is None:
        yield Problem(path, f"'{name}' needs the classes; give 'prediction: {{task: multiclass, classes: [A, B, C]}}'")
