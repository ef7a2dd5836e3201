"""`from tidemark import ...`: what there is, and what it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tidemark
import tidemark.testing

HEAVY = ("pyflink", "numba", "numpy", "scipy", "river", "pydantic", "jinja2", "httpx", "pandas", "operators", "jobs")


@pytest.mark.parametrize("package", [tidemark, tidemark.testing], ids=lambda package: package.__name__)
def test_every_name_is_there(package):
    """The list of names is what there is."""
    assert sorted(package.__all__) == package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
    if package is tidemark:
        assert dir(package) == package.__all__


def test_a_name_that_is_not_there_is_an_error():
    """As of any module."""
    with pytest.raises(AttributeError, match="module 'tidemark' has no attribute 'Subscribr'"):
        _ = tidemark.Subscribr


@pytest.mark.parametrize(
    "code", ["from tidemark import Subscriber, DriftEvent", "import tidemark.testing", "import tidemark"]
)
def test_subscribing_loads_nothing_heavy(code):
    """A retraining service needs neither Flink nor kernels; the command line starts as quickly as before."""
    told = f"{code}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
