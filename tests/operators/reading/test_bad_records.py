"""Bad input stops nothing: each record that cannot be used is told of, and of what it holds nothing is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plan import FieldsPlan, SourcePlan
from operators.encoding.codes import INVALID, MISSING, UNSEEN
from operators.encoding.letters import PAYLOAD_LIMIT
from operators.reading.raw_lines import LIMIT
from schemas.dead_letters import DeadLetter
from tests.operators.decoding import GOOD, decode, job, line, model, record

SECRET = "Ytterby"  # in no message
DEEP = 300
FEATURES = '{"age": 41, "income": 5e5, "plan": "gold", "member": true}'

ONE = job()  # one model: features are read with the record
TWO = job(models=(model(), model("fraud")))  # several: features are read when the model is known
ELSEWHERE = job(
    SourcePlan(name="predictions", kind="predictions", topic="t", fields=FieldsPlan(group="/meta/group", id="/meta/id"))
)  # read field by field
JOBS = pytest.mark.parametrize("references", [ONE, TWO], ids=["one model", "two models"])


def raw(**fields: str) -> bytes:
    """A record of JSON texts."""
    given = {"model": '"churn"', "version": '"3"', "features": FEATURES, **fields}
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in given.items()) + "}").encode()


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def errors(lines, references):
    """Errors of the letters, by the position of the record; whatever is not dead was used."""
    decoded = decode(lines, references)
    assert decoded.counts.read == len(lines)
    found = {letter.offset - 48_112: letter.error for letter in decoded.letters}
    assert len(found) == decoded.counts.dead
    assert all(SECRET not in error for error in found.values())
    return found


NESTED = "not JSON: nested more than 200 levels deep"
BEYOND = "a number beyond the range of floats at "
LONG = "not JSON: a number of more than 4,300 digits"
ID = "'id': expected a text or a whole number, got "
VERSION = "'version': expected a text or a number, got "
TOO_LONG = raw(other='"' + "x" * (LIMIT - len(raw(other='""')) + 1) + '"')

DEAD = {
    "a tombstone": (None, "a tombstone: the record has no value"),
    "empty": (b"", "expected a JSON object, got an empty line"),
    "blank": (b" \t\r", "expected a JSON object, got an empty line"),
    "truncated": (line(id=SECRET)[:-20], "not JSON: input data was truncated"),
    "truncated after a misfit": (b'{"id": true, "model": "Ytterby', "not JSON: input data was truncated"),
    "not JSON": (SECRET.encode(), "not JSON: invalid character (byte 0)"),
    "two records": (line() + line(), f"not JSON: trailing characters (byte {len(line()) + 1})"),
    "single quotes": (b"{'id': 'Ytterby'}", "not JSON: object keys must be strings (byte 1)"),
    "an array": (b'["Ytterby"]', "expected an object, got an array"),
    "a text": (b'"Ytterby"', "expected an object, got a text"),
    "a number": (b"7", "expected an object, got a number"),
    "null": (b"null", "expected an object, got null"),
    "nested deeply, not used": (raw(other=nested(DEEP)), NESTED),
    "nested deeply, used": (raw(id=nested(DEEP)), NESTED),
    "nested deeply in a feature": (
        raw(features='{"age": ' + nested(DEEP) + "}"),
        NESTED,
    ),
    "nested without end": (b'{"a":' * 100_000, NESTED),
    "objects within each other": (raw(other='{"a":' * DEEP + "1" + "}" * DEEP), NESTED),
    "a number beyond floats": (raw(features='{"age": 1e400}'), BEYOND + "/features/age"),
    "below all floats": (raw(features='{"age": -1e400}'), BEYOND + "/features/age"),
    "a whole number beyond floats": (
        raw(features='{"age": 1' + "0" * 400 + "}"),
        BEYOND + "/features/age",
    ),
    "both kinds of misfit": (
        raw(features='{"income": "Ytterby", "age": 1' + "0" * 400 + "}"),
        BEYOND + "/features/age",
    ),
    "a category beyond floats": (raw(features='{"plan": 1e400}'), BEYOND + "/features/plan"),
    "a prediction beyond floats": (raw(prediction="1e400"), BEYOND + "/prediction"),
    "a confidence beyond floats": (raw(confidence="1e400"), BEYOND + "/confidence"),
    "a probability beyond floats": (
        raw(probabilities='{"Ytterby": 1e400}'),
        BEYOND + "/probabilities",
    ),
    "a version beyond floats": (raw(version="1e400"), BEYOND + "/version"),
    "a number of 5,000 digits": (raw(id="1" * 5_000), LONG),
    "a name of 5,000 digits": (raw(features='{"plan": ' + "1" * 5_000 + "}"), LONG),
    "invalid UTF-8 in what is used": (raw(id='"@"').replace(b"@", b"\xff"), "not UTF-8"),
    "invalid UTF-8 in what is not": (raw(other='"@"').replace(b"@", b"\xff"), "not UTF-8"),
    "invalid UTF-8 in a feature": (raw(features='{"plan": "@"}').replace(b"@", b"\xc3"), "not UTF-8"),
    "a surrogate in UTF-8": (raw(other='"@"').replace(b"@", b"\xed\xa0\x80"), "not UTF-8"),
    "UTF-16": (line().decode().encode("utf-16"), "not UTF-8"),
    "half a surrogate pair": (raw(id='"\\ud800"'), "not JSON: input data was truncated"),
    "a pair the wrong way round": (raw(id='"\\udc00\\ud800"'), "not JSON: invalid utf-16 surrogate pair (byte"),
    "NaN": (raw(features='{"age": NaN}'), "not JSON: NaN (byte"),
    "NaN in what is not used": (raw(other="NaN"), "not JSON: NaN (byte"),
    "Infinity": (raw(features='{"age": Infinity}'), "not JSON: Infinity (byte"),
    "-Infinity": (raw(prediction="-Infinity"), "not JSON: Infinity (byte"),
    "a byte order mark": (b"\xef\xbb\xbf" + line(), "not JSON: begins with a byte order mark"),
    "10 MB": (raw(other='"' + "x" * 10_000_000 + '"'), f"a record of more than {LIMIT} bytes"),
    "a byte too long": (TOO_LONG, f"a record of more than {LIMIT} bytes"),
    "an id that is a boolean": (raw(id="true"), ID + "a boolean at /id"),
    "an id with a fraction": (raw(id="1.5"), ID + "a number at /id"),
    "an id that is a list": (raw(id='["Ytterby"]'), ID + "an array at /id"),
    "an id that is an object": (raw(id='{"Ytterby": 1}'), ID + "an object at /id"),
    "no model": (b'{"features": {}}', "'model': the record names none at /model (neither does the source)"),
    "a model that is null": (raw(model="null"), "'model': the record names none at /model (neither does the source)"),
    "a model that is a number": (raw(model="3"), "'model': expected a text, got a number at /model"),
    "a version that is a boolean": (raw(version="true"), VERSION + "a boolean at /version"),
    "a version that is a list": (raw(version='["3"]'), VERSION + "an array at /version"),
    "a version of 201 characters": (raw(version=f'"{"x" * 201}"'), "'version': longer than 200 characters at /version"),
    "a role that is none": (raw(role='"Ytterby"'), "'role': expected champion, shadow or challenger at /role"),
    "a role that is a number": (raw(role="1"), "'role': expected a text, got a number at /role"),
    "features in a list": (raw(features='["Ytterby"]'), "'features': expected an object, got an array at /features"),
    "features in a text": (raw(features='"Ytterby"'), "'features': expected an object, got a text at /features"),
    "features that are a number": (raw(features="1"), "'features': expected an object, got a number at /features"),
}  # fmt: skip


@JOBS
@pytest.mark.parametrize(("bad", "error"), DEAD.values(), ids=DEAD)
def test_dead(bad, error, references):
    """A record that cannot be used is dead and says why, by types and places; those around it are used."""
    decoded = decode([line(), bad, line(id="a2")], references)
    (letter,) = decoded.letters
    found = letter.error
    if error.endswith("(byte"):
        found = found[: len(error)]
    assert found == error
    assert SECRET not in letter.error
    assert letter == DeadLetter(
        source="predictions",
        topic="predictions",
        partition=2,
        offset=48_113,
        reason="dead",
        error=letter.error,
        event_time="2026-01-01T00:00:00.000Z",
    )
    assert decoded.codes() == [GOOD, GOOD]


@pytest.mark.parametrize(("bad", "error"), DEAD.values(), ids=DEAD)
def test_dead_where_fields_stand_elsewhere(bad, error):
    """Records that are read field by field are as robust."""
    if bad is not None and bad.startswith(b"{") and b'"id"' in bad:
        return  # the id stands elsewhere
    assert list(errors([bad], ELSEWHERE)) == [0]


USED = {
    "nothing wrong": ({}, {}),
    "a text where a number is expected": ({"age": SECRET}, {0: INVALID}),
    "a number in a text": ({"age": "41"}, {0: INVALID}),
    "a boolean where a number is expected": ({"age": True}, {0: INVALID}),
    "a list where a number is expected": ({"age": [41]}, {0: INVALID}),
    "an object where a number is expected": ({"age": {SECRET: 1}}, {0: INVALID}),
    "no number": ({"age": None}, {0: MISSING}),
    "two wrong at once": ({"age": SECRET, "income": False}, {0: INVALID, 1: INVALID}),
    "a number with a fraction": ({"age": 40.0}, {0: 2}),
    "a number just below an edge": ({"age": 39.99999999999999}, {0: 1}),
    "the smallest number": ({"age": 5e-324}, {0: 0}),
    "a number below all floats but zero": ({"age": 0.0}, {0: 0}),
    "a number where a name is expected": ({"plan": 7}, {2: UNSEEN}),
    "a list where a name is expected": ({"plan": ["gold"]}, {2: INVALID}),
    "an object where a name is expected": ({"plan": {SECRET: "gold"}}, {2: INVALID}),
    "an unknown name": ({"plan": SECRET}, {2: UNSEEN}),
    "no name": ({"plan": None}, {2: MISSING}),
    "a truth as a number": ({"member": 1}, {3: 1}),
    "a truth as a text": ({"member": "FALSE"}, {3: 0}),
    "no truth": ({"member": "yes"}, {3: INVALID}),
    "a number that is no truth": ({"member": 2}, {3: INVALID}),
}


@JOBS
@pytest.mark.parametrize(("features", "codes"), USED.values(), ids=USED)
def test_a_field_that_is_not_valid(features, codes, references):
    """A value that does not fit is counted in its field, and the rest of the record is used."""
    bad = line(features=record()["features"] | features)
    decoded = decode([line(), bad], references)
    assert decoded.letters == []
    assert decoded.counts.used == 2
    assert sorted(decoded.codes()) == sorted([GOOD, [codes.get(at, code) for at, code in enumerate(GOOD)]])


BESIDE = {
    "a list as prediction": ({"prediction": ["yes"]}, {4: INVALID}),
    "an object as prediction": ({"prediction": {"yes": 1}}, {4: INVALID}),
    "no prediction": ({"prediction": None}, {4: MISSING}),
    "a boolean as prediction": ({"prediction": True}, {4: UNSEEN}),
    "an endless number as prediction": ({"prediction": 10**400}, {4: UNSEEN}),
    "texts as probabilities": ({"probabilities": {"yes": "0.8"}}, {5: INVALID}),
    "a list as probabilities": ({"probabilities": [0.2, 0.95]}, {5: 2}),
    "a text as probabilities": ({"probabilities": "high"}, {5: INVALID}),
    "a null probability": ({"probabilities": {"yes": None}}, {5: INVALID}),
    "no probabilities": ({"probabilities": {}}, {5: MISSING}),
    "a confidence beside probabilities": ({"confidence": 0.2}, {5: 0}),
    "a text as confidence": ({"confidence": "high"}, {5: INVALID}),
    "a list as country": ({"country": ["DE"]}, {}),
    "an object as timestamp": ({"timestamp": {"at": 1}}, {}),
    "a timestamp from another world": ({"timestamp": 1e300}, {}),
    "an id that is a number": ({"id": 7}, {}),
    "an id that is a long number": ({"id": 10**30}, {}),
    "no id": ({"id": None}, {}),
    "a version that is a number": ({"version": 3}, {}),
    "a version that is a float": ({"version": 3.0}, {}),
    "features that are null": ({"features": None}, dict.fromkeys(range(4), MISSING)),
    "features that are empty": ({"features": {}}, dict.fromkeys(range(4), MISSING)),
}


@JOBS
@pytest.mark.parametrize(("fields", "codes"), BESIDE.values(), ids=BESIDE)
def test_a_field_beside_the_features(fields, codes, references):
    """What else a record has may be wrong too, without harm to the rest."""
    decoded = decode([line(**fields)], references)
    assert decoded.letters == []
    assert decoded.codes() == [[codes.get(at, code) for at, code in enumerate(GOOD)]]


def test_numbers_that_are_not_used():
    """A number beyond floats in a field that nothing names is nobody's concern, whatever else is wrong."""
    features = '{"age": "x", "income": 5e5, "plan": "gold", "member": true, "other": 1e400}'
    for references in (ONE, TWO):
        assert errors([raw(other="1e400"), raw(other="1e400", features=features)], references) == {}


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ('"1.10"', "1.10"),
        ("1.10", "1.1"),
        ("1.0", "1"),
        ("3", "3"),
        ('"\\u00b2"', "%C2%B2"),
        ('"a|b"', "a%7Cb"),
        ("1e22", "1e%2B22"),
    ],
)
def test_versions(version, text):
    """A version is its text; JSON's number 1.10 is 1.1, as for every reader of JSON."""
    decoded = decode([raw(version=version)])
    assert {key for key, _ in decoded.panes} == {f"m|churn|{text}|champion|{s}" for s in ("all", "country=other")}


def test_duplicate_keys():
    """Of keys that a record gives twice the last counts, as in every reader of JSON; also if the first is wrong."""
    twice = raw(features='{"age": true, "age": 41, "income": 5e5, "plan": "gold", "member": true}')
    whole = raw()[:-1] + b', "features": {"age": 10}}'
    decoded = decode([twice, whole, b'{"id": true, "id": "a", ' + raw()[1:]])
    assert sorted(row[:4] for row in decoded.codes()) == sorted([GOOD[:4], [0, MISSING, MISSING, MISSING], GOOD[:4]])


def test_unknown_models():
    """Records of models that the configuration does not have are ignored and counted, or dead if it says so."""
    lines = [line(), line(model=SECRET), raw(model='"x"', features='["no object"]')]
    ignoring = decode(lines, job())
    assert (ignoring.counts.used, ignoring.counts.ignored, ignoring.letters) == (3, 2, [])
    found = errors(lines, job(on_unknown_model="dead_letter"))
    assert found == dict.fromkeys((1, 2), "'model': not one of the configuration's models at /model")


def test_payload_only_if_asked():
    """The record itself is in its letter only if the configuration says so, and not more of it than a message takes."""
    long = b"x" * (PAYLOAD_LIMIT + 1)
    for payload, kept in (("none", [None, None, None]), ("full", [b"{Ytterby", long[:-1], None])):
        letters = decode([b"{Ytterby", long, None], job(payload=payload)).letters
        assert [letter.payload for letter in letters] == kept
        assert [letter.truncated for letter in letters] == [False, payload == "full", False]


FIELDS = [*record(), "role", "confidence"]
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.sampled_from([SECRET, "churn", "gold", 10**400, 1e308, -0.0]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*FIELDS, *record()["features"], SECRET]), inner, max_size=9),
    ),
    max_leaves=20,
)
RECORDS = st.fixed_dictionaries({"model": st.just("churn")}, optional={n: JSON for n in FIELDS if n != "model"})


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(JSON, RECORDS), max_size=6), st.sampled_from([ONE, TWO, ELSEWHERE]))
def test_any_json(documents, references):
    """Whatever a record holds, it is used or dead, no value of it is told, and the sums come out."""
    lines = [json.dumps(document).encode() for document in documents]
    errors(lines, references)


@settings(deadline=None, max_examples=300)
@given(st.data(), st.sampled_from([ONE, TWO, ELSEWHERE]))
def test_any_bytes(data, references):
    """A record with any of its bytes changed, cut or repeated breaks nothing."""
    damaged = bytearray(line(id=SECRET))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    errors([bytes(damaged), data.draw(st.binary(max_size=30)), line()], references)


@settings(deadline=None, max_examples=300)
@given(JSON, JSON, JSON)
def test_both_ways_of_reading_agree(value, other, field):
    """A record that msgspec reads alone comes to what it comes to field by field."""
    features = {"age": value, "plan": value, "member": other}
    document = record(features=features, prediction=other, country=field, probabilities=field) | {"id": None}
    text = json.dumps(document).encode()
    direct, slow = decode([text], ONE), decode([text], ELSEWHERE)
    assert direct.same() == slow.same()
