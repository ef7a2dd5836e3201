"""River's detectors by name: which there are, what options they take, and whether they take these.

River is imported when one is named, and only then: it takes seconds.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from config.errors import Path, Problem, did_you_mean
from config.plan import RIVER

INPUTS = ("rank", "raw")


def detector_class(name: str) -> Any:
    """River's class of a detector; KeyError for a name that river has not.

    Examples
    --------
    >>> detector_class("river:binary.DDM").__name__
    'DDM'
    """
    return _classes()[name]


def is_binary(name: str) -> bool:
    """Whether a detector takes yes and no, as the errors of a model, and not numbers."""
    return name.startswith(RIVER + "binary.")


def takes_seed(name: str) -> bool:
    """Whether a detector draws at random."""
    return "seed" in _options(name)


def read(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the constructor takes them: what reads as a number is one, however it is written.

    Examples
    --------
    >>> read({"alpha": "1e-6", "input": "raw", "mode": "up"})
    {'alpha': 1e-06, 'mode': 'up'}
    """
    return {name: _number(value) for name, value in options.items() if name != "input"}


def river_problems(path: Path, name: str, options: Mapping[str, Any], feature_type: str) -> Iterator[Problem]:
    """Find what is wrong with a detector of river on a feature.

    Parameters
    ----------
    path : Path
        Where it stands.
    name : str
        With ``river:`` before it.
    options : mapping
        As the file has them.
    feature_type : str
        numeric, categorical or boolean.
    """
    names = sorted(_classes())
    if name not in names:
        shown = ", ".join(one.removeprefix(RIVER) for one in names)
        message = f"'{name}' is not a detector of river {version('river')} ({shown}){did_you_mean(name, names)}"
        yield Problem(path, message)
        return
    source = options.get("input", "raw")
    if source not in INPUTS:
        message = f"'{source}' is not an input ({', '.join(INPUTS)}){did_you_mean(str(source), INPUTS)}"
        yield Problem((*path, name, "input"), message)
    elif is_binary(name) and (feature_type != "boolean" or source == "rank"):
        wrong = "ranks" if feature_type == "boolean" else f"{feature_type} ones"
        yield Problem(path, f"'{name}' is for yes and no, boolean features, not {wrong}")
    elif feature_type == "categorical" and source == "raw":
        yield Problem(path, f"'{name}' takes numbers; for a categorical feature say '{{{name}: {{input: rank}}}}'")
    known = _options(name)
    unknown = [option for option in options if option not in known and option != "input"]
    for option in unknown:
        shown = ", ".join([*known, "input"])
        message = f"'{option}' is not an option of {name} ({shown}){did_you_mean(option, known)}"
        yield Problem((*path, name, option), message)
    if not unknown:
        try:
            made = detector_class(name)(**read(options))
            made.update(is_binary(name))  # some look at their options only now
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            yield Problem(path, f"river does not take the options of {name}: {error}")


@lru_cache(maxsize=1)
def _classes() -> dict[str, Any]:
    import river.base
    import river.drift
    import river.drift.binary

    found: dict[str, Any] = {}
    bases = (river.base.DriftDetector, river.base.BinaryDriftDetector)
    for module, prefix in ((river.drift, RIVER), (river.drift.binary, RIVER + "binary.")):
        classes = inspect.getmembers(module, inspect.isclass)
        found.update({prefix + name: one for name, one in classes if issubclass(one, bases)})
    return found


def _options(name: str) -> list[str]:
    return list(inspect.signature(detector_class(name)).parameters)


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value
