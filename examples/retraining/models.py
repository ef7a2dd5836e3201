"""The versions of the model, in a folder: where yours may be a registry."""

from __future__ import annotations

from pathlib import Path

import joblib
import pandas as pd
from loans import FEATURES
from sklearn.ensemble import HistGradientBoostingClassifier

FOLDER = Path("models")


def fit(version: str, rows: pd.DataFrame) -> None:
    """Train a version."""
    FOLDER.mkdir(exist_ok=True)
    joblib.dump(HistGradientBoostingClassifier().fit(rows[FEATURES], rows["label"]), FOLDER / f"{version}.joblib")


def score(version: str, rows: pd.DataFrame) -> list[float]:
    """The probability of a default."""
    model = joblib.load(FOLDER / f"{version}.joblib")
    return [round(float(value), 4) for value in model.predict_proba(rows[FEATURES])[:, 1]]


def give(role: str, version: str | None) -> None:
    """Give a version a role: ``champion`` decides, ``shadow`` predicts beside it. None: nobody has it any more."""
    place = FOLDER / role
    if version is None:
        place.unlink(missing_ok=True)
        return
    new = place.with_suffix(".new")
    new.write_text(version)
    new.replace(place)  # at once: who reads it sees the old or the new


def roles() -> dict[str, str]:
    """Which version has which role now."""
    return {role: (FOLDER / role).read_text() for role in ("champion", "shadow") if (FOLDER / role).exists()}
