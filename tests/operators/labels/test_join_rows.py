from __future__ import annotations

import numpy as np
import pytest

from operators.labels.join_rows import prediction_data


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_predictions(count):
    """None of a batch may be in the sample."""
    data = prediction_data(np.ones((count, 2)), [np.arange(count), np.arange(count)])
    assert data.shape == (count, 16 + 4)
