from __future__ import annotations

import msgspec
import pytest

from config.plan import VersionPlan
from operators.profiles.references import References
from operators.reading.identities import _REMEMBERED, Identities
from operators.reading.values import Gap
from tests.operators.decoding import TOPIC, job, model


def identities(source=TOPIC, **changes):
    references = job(models=(model(versions={"4": VersionPlan(role="shadow")}), model("fraud")), **changes)
    return Identities(References(references), source)


@pytest.mark.parametrize(
    ("names", "whose"),
    [
        (("churn", "3", None), ("churn", "3", "champion")),
        (("churn", 3, None), ("churn", "3", "champion")),
        (("churn", 3.0, None), ("churn", "3", "champion")),
        (("churn", 1.5, None), ("churn", "1.5", "champion")),
        (("churn", None, None), ("churn", "0", "champion")),
        (("churn", "", None), ("churn", "", "champion")),
        (("churn", "4", None), ("churn", "4", "shadow")),
        (("churn", 4, "challenger"), ("churn", "4", "challenger")),
        (("fraud", Gap.MISSING, Gap.MISSING), ("fraud", "0", "champion")),
    ],
)
def test_whose_it_is(names, whose):
    """Model, version and role are what the record names; what it does not name the configuration gives."""
    dead = {}
    assert identities().groups([5, 7], [names, names], dead) == ({whose: [5, 7]}, [])
    assert dead == {}


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ((None, "3", None), "'model': the record names none at /model (neither does the source)"),
        ((Gap.INVALID, "3", None), "'model': expected a text at /model"),
        (("churn", Gap.INVALID, None), "'version': expected a text at /version"),
        (("churn", "x" * 201, None), "'version': longer than 200 characters at /version"),
        (("churn", "3", "nobody"), "'role': expected champion, shadow or challenger at /role"),
        (("churn", "3", Gap.INVALID), "'role': expected a text at /role"),
    ],
)
def test_nobodys(names, error):
    """A record of nobody is dead, the first time and the next."""
    known = identities()
    for _ in range(2):
        dead = {}
        assert known.groups([5], [names], dead) == ({}, [])
        assert dead == {5: error}


def test_unknown_models():
    """Records of other models are passed over, or dead if the configuration says so."""
    dead = {}
    assert identities().groups([0], [("other", "x" * 300, "nobody")], dead) == ({}, [0])
    assert dead == {}
    assert identities(on_unknown_model="dead_letter").groups([0], [("other", None, None)], dead) == ({}, [])
    assert dead == {0: "'model': not one of the configuration's models at /model"}


def test_constants_of_the_source():
    """What the source names holds, whatever its records name."""
    source = msgspec.structs.replace(TOPIC, model="fraud", version="9")
    names = [("churn", "3", None), (None, None, None), (Gap.INVALID, Gap.INVALID, None)]
    assert identities(source).groups([0, 1, 2], names, {}) == ({("fraud", "9", "champion"): [0, 1, 2]}, [])


def test_the_memory_is_bounded():
    """A stream of ever new models and versions, some of them huge, does not fill the memory."""
    known = identities()
    names = [("churn", f"v{i}", None) for i in range(_REMEMBERED + 10)]
    groups, _ = known.groups(range(len(names)), names, {})
    assert len(groups) == len(names)
    known.groups([0, 1], [("x" * 10_000, None, None), ("churn", "y" * 10_000, None)], {})
    assert len(known._known) == 10
