"""Relations from files to events: a relation breaks while every feature stays as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from schemas import events
from tidemark import cli

CONFIGURATION = """\
sources: {{predictions: {{path: live.jsonl, model: m, version: "1", time: {{every: 100 ms, from: 2026-01-02}}}}}}
sinks: {{events: {{path: events.jsonl}}}}
models:
  m:
    reference: {reference}
    window: {{size: 2 min, slide: 30 s, min_count: 200}}
    alarms: {{confirm: 1}}
    features: {{a: numeric, b: numeric, c: numeric, d: boolean}}
    {said}
    multivariate: {together}
{more}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """With a reference of 10,000 records, and 6,000 of a stream: from the 3,000th on b is alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reference.jsonl").write_text("\n".join(lines(1, 10_000)))
    (tmp_path / "live.jsonl").write_text("\n".join([*lines(2, 3_000), *lines(3, 3_000, broken=True)]))
    return tmp_path


def lines(seed, count, broken=False):
    """Records of which b follows a, and d tells whether a is high."""
    rng = np.random.default_rng(seed)
    a, b, c, noise = rng.normal(size=(4, count))
    b = b if broken else 0.8 * a + 0.6 * b
    return [
        json.dumps({"features": {"a": x, "b": y, "c": z, "d": high}})
        for x, y, z, high in zip(a.tolist(), b.tolist(), c.tolist(), (a + noise > 1).tolist(), strict=True)
    ]


def opened(folder, reference="m.json", more="", said="correlation: true", together="true"):
    """What a backtest opens, with the episodes' kinds and signals."""
    (folder / "m.yaml").write_text(CONFIGURATION.format(reference=reference, more=more, said=said, together=together))
    if reference == "m.json":
        assert cli.main(["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1"]) == 0
    assert cli.main(["backtest", "m.yaml", "--events", "out.jsonl"]) == 0
    found = [events.decode(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]
    return [event for event in found if event.type == "io.tidemark.drift.opened"]


def test_a_relation_that_breaks(folder, capsys):
    """Correlation and reconstruction find it, name the features, and no feature is blamed."""
    found = opened(folder)
    assert {event.data.kind for event in found} == {"correlation", "multivariate"}
    assert all(event.time > "2026-01-02T00:05:00" for event in found)
    signals = {signal.signal: signal for event in found for signal in event.data.signals}
    assert {"correlation.a~b", "multivariate.reconstruction"} <= set(signals)
    assert not any("c" in name.removeprefix("correlation.") for name in signals if name.startswith("correlation."))
    told = signals["multivariate.reconstruction"].contributions
    assert {told[0].feature, told[1].feature} == {"a", "b"}
    message = next(event.data.message for event in found if event.data.kind == "multivariate")
    assert ", mostly by " in message
    capsys.readouterr()


@pytest.mark.parametrize(("said", "found"), [("", {"correlation"}), ("correlation: false", set())])
def test_pairs_are_watched_unless_it_says_otherwise(folder, capsys, said, found):
    """The profile says how features go together unless it is to be without, and then nothing tells of pairs."""
    assert {event.data.kind for event in opened(folder, said=said, together="false")} == found
    assert (b'"relations"' in (folder / "m.json").read_bytes()) == bool(found)
    capsys.readouterr()


def test_a_profile_of_before(folder, capsys):
    """Without a word it is taken as it is, and pairs are not watched; what is asked for it has to have."""
    opened(folder, said="correlation: false", together="false")
    assert {event.data.kind for event in opened(folder, "./m.json", said="", together="false")} == set()
    capsys.readouterr()
    text = CONFIGURATION.format(reference="m.json", more="", said="correlation: true", together="false")
    (folder / "m.yaml").write_text(text)
    assert cli.main(["backtest", "m.yaml"]) == 2
    assert "made without 'correlation', which is asked for" in capsys.readouterr().err


def test_the_same_from_what_was_learned(folder, capsys):
    """A version that learns its reference finds it as well."""
    found = opened(folder, "{learn: 2000}")
    assert {event.data.kind for event in found if event.data.kind != "feature"} == {"correlation", "multivariate"}
    capsys.readouterr()


def test_segments_and_seasons_have_a_reference_of_errors(folder, capsys):
    """Whoever is high has errors of their own; the whole is compared at the same time of the day."""
    found = opened(folder, more="    segments: [d]\n    season: {period: 2 min, bins: 2}\n")
    kinds = {(event.data.kind, event.data.segment.get("d")) for event in found}
    assert ("multivariate", None) in kinds
    assert all(event.time > "2026-01-02T00:05:00" for event in found if event.data.kind == "multivariate")
    capsys.readouterr()


def test_records_that_do_not_carry_all_features(folder, capsys):
    """Of theirs there is no error, and nothing is said of what they lack."""
    (folder / "some.jsonl").write_text("\n".join(lines(5, 2_000)))
    more = '  clicks: {path: some.jsonl, kind: features, carries: [a, c], model: m, version: "1", ' + (
        "time: {every: 100 ms, from: 2026-01-02T00:00:00Z}}\n"
    )
    text = CONFIGURATION.format(reference="m.json", more="", said="correlation: true", together="true")
    head, _, rest = text.partition("sinks:")
    source = head.removeprefix("sources: {predictions: ").strip().removesuffix("}")
    (folder / "m.yaml").write_text(f"sources:\n  predictions: {source}\n{more}sinks:{rest}")
    (folder / "live.jsonl").write_text("\n".join(lines(2, 3_000)))
    assert cli.main(["profile", "m.yaml", "--model", "m", "--data", "reference.jsonl", "--version", "1"]) == 0
    assert cli.main(["backtest", "m.yaml", "--events", "out.jsonl"]) == 0
    assert (folder / "out.jsonl").read_bytes() == b""
    capsys.readouterr()


def test_nothing_varies_together(folder, capsys):
    """With fewer than two features that vary there is nothing to watch, and validate says so."""
    constant = json.dumps({"features": {"a": 1.0, "b": 2.0, "d": True}})
    (folder / "reference.jsonl").write_text("\n".join([constant] * 500))
    (folder / "live.jsonl").write_text("\n".join([constant] * 500))
    assert opened(folder) == []
    capsys.readouterr()
    assert cli.main(["validate", "m.yaml"]) == 0
    out = capsys.readouterr().out
    assert "correlation: fewer than two features vary in the reference, so no pair is watched" in out
    assert "multivariate: fewer than two features vary in the reference, so it is not watched" in out
