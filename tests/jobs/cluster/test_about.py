"""What a job says of itself comes back from Flink as it was."""

from __future__ import annotations

import json

from jobs.cluster.about import option, read
from tests.jobs.cluster.plans import about


def test_all_of_it() -> None:
    """The plan and what its state was made for; and in clear what people look for."""
    parameters = json.loads(option(about()))
    assert read(parameters) == about()
    assert parameters["tidemark.job"] == "prod/shop"
    assert parameters["tidemark.models"] == "churn fraud"


def test_other_jobs_say_nothing() -> None:
    """Whatever else their parameters are."""
    assert read({"tidemark.colour": "blue"}) is None
