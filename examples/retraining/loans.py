"""Made-up loans, and who defaults on them: it depends on debts at first, on the size of the loan once rates rose."""

from __future__ import annotations

import numpy as np
import pandas as pd

FEATURES = ["amount", "income", "debts", "age"]


def loans(rng: np.random.Generator, count: int, *, rates_rose: bool = False) -> pd.DataFrame:
    """Draw loans: the features, which stay as they are, and the label, ``yes`` for a default."""
    drawn = pd.DataFrame(
        {
            "amount": rng.lognormal(9.5, 0.6, count).round(),
            "income": rng.lognormal(10.5, 0.4, count).round(),
            "debts": rng.lognormal(9.0, 0.8, count).round(),
            "age": rng.integers(18, 80, count),
        }
    )
    burden = drawn["amount"] * 1.2 if rates_rose else drawn["debts"] * 2
    risk = np.log(burden / drawn["income"]) - (drawn["age"] - 49) / 60 + rng.normal(0, 0.25, count)
    return drawn.assign(label=np.where(risk > 0, "yes", "no"))
