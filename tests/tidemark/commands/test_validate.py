"""`tidemark validate`: whole output and exit status."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config import load
from config.plan import Plan
from operators.profiles.slices import SliceCodec
from schemas import profile as profiles
from schemas.profile import Calibration, CategoricalSignal, NumericSignal, Profile, Provenance, Season
from tidemark import cli

CONFIGURATION = """\
job: {name: churn-monitor, environment: prod}
kafka: {bootstrap: "localhost:9092", security: {protocol: SASL_SSL, mechanism: PLAIN, username: me, password: "${P}"}}
sources:
  predictions: {topic: predictions, fields: {id: /request/id}}
  clicks: {path: data/*.csv, kind: features, model: churn, version: 1.10, carries: [age], time: {every: 30 min}}
sinks: {summaries: none, dead_letters: {path: dead.jsonl, payload: full}}
models:
  churn:
    reference: ref.json
    versions: {3: champion, 4: shadow}
    prediction: {task: binary, positive: yes}
    segments: [country, {device: [ios, web]}]
    labels: {}
    features:
      age: numeric
      plan: {type: categorical, sensitive: true}
      income: {type: numeric, detectors: [{ks: {threshold: 0.2}}, {adwin: {input: raw, delta: 0.002}}]}
      free: {type: boolean, detectors: []}
"""
OUTPUT = """\
job
  name           churn-monitor, environment prod
  runs           parallelism 1, panes of 10 s, exactly-once
  checkpoints    every 10 s in {folder}/.tidemark/checkpoints
  configuration  {id}

sources
  predictions     predictions from predictions (json); times of the broker; out of order by 5 s; idle after 30 s; \
from committed; id at /request/id
  clicks          features from {folder}/data/*.csv (csv); model churn version 1.10; a row every 30 min; out of order \
by 5 s; carries age
  unknown models  records are counted

sinks
  events        topic drift-events
  summaries     none
  dead letters  {folder}/dead.jsonl, with payload

model churn
  versions         3 (champion), 4 (shadow)
  reference        {folder}/ref.json (not there)
  unknown version  previous profile
  window           1 h every 5 min, from 500 records, grows to 7 days
  alarms           1 false per 30 days, confirmed 2 times, recovered after 3, from a small effect, critical from a \
large one
  correlation      all pairs of features, the 50 closest with half of their budget, where the profile has them
  prediction       binary; 'yes' is positive, from a probability of 0.5
  labels           those within records
  feature age      numeric: psi, lepage, adwin, page_hinkley
  feature plan     categorical, sensitive: psi, page_hinkley
  feature income   numeric: ks (threshold 0.2, outside the budget), adwin (input raw, delta 0.002)
  feature free     boolean: none
  segments         country: the 1000 most frequent values of the reference, and other
  segments         device: ios, web, and other

models.churn: there is no profile {folder}/ref.json; make one with 'tidemark profile CONFIG --model churn --data DATA'
"""
SMALL = """\
sources: {predictions: {path: a.jsonl}}
models: {churn: {reference: ref.json, features: {from: profile}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that holds the configuration, and in which the command is called."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("P", "hunter2")
    return tmp_path


def profile(start: str | None, end: str | None, rows: int) -> bytes:
    signal = NumericSignal(
        count=rows, missing=0, invalid=0, mean=1.0, sd=1.0, min=0.0, max=2.0, discrete=False,
        edges=(1.0,), counts=(rows // 2, rows - rows // 2), means=(0.5, 1.5),
    )  # fmt: skip
    provenance = Provenance(source="a.jsonl", rows=rows, start=start, end=end, tidemark="0.1.0")
    made = Profile(model="churn", version=None, provenance=provenance, signals={"feature.age": signal})
    return profiles.encode(made)


def test_a_configuration_without_its_profile(folder, capsys):
    """All that holds is printed; the profile can be made later."""
    (folder / "c.yaml").write_text(CONFIGURATION)
    assert cli.main(["validate", "c.yaml"]) == 0
    plan = load(folder / "c.yaml").plan
    assert capsys.readouterr() == (OUTPUT.format(folder=folder, id=plan.configuration_id), "")


def test_a_reference_that_is_learned(folder, capsys):
    """Of how many records, for how many keys, and what is kept of them meanwhile."""
    (folder / "c.yaml").write_text("""\
sources: {predictions: {path: a.jsonl}}
models:
  churn: {reference: {learn: 100000}, features: {a: numeric, b: categorical}, segments: [{c: [x, y]}]}
""")
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert (
        """\
  versions     any, as champion
  learns       the first 100000 records of each version, the whole traffic and each segment for itself
               state at most 4.58 MB for each of 4 keys, 18.3 MB in a checkpoint for each version that learns
  window       1 h every 5 min, from 500 records, grows to 7 days
"""
        in out
    )
    (folder / "c.yaml").write_text("""\
sources: {predictions: {path: a.jsonl}}
models:
  churn: {on_unknown_version: learn, features: {a: numeric}}
""")
    assert cli.main(["validate", "c.yaml"]) == 0
    assert "  learns           the first 10000 records of a version without a profile\n" in (capsys.readouterr().out)


@pytest.mark.parametrize(
    ("window", "rows", "warned"),
    [
        ("{size: 2 h, min_count: 500}", 500, None),
        (
            "{size: 2 h, min_count: 50}",
            50_000,
            "at this budget 50 records against 50000 show no shift below 0.84 sd; to see one of 0.5 sd take windows of "
            "131 (a larger 'size' or 'min_count'), or allow more false alarms",
        ),
        (
            "{size: 2 h, min_count: 500}",
            50,
            "at this budget 500 records against 50 show no shift below 0.88 sd; to see one of 0.5 sd take a reference "
            "of 261 ('tidemark profile' of more data), or allow more false alarms",
        ),
    ],
)
def test_a_window_or_reference_that_is_too_small(folder, capsys, window, rows, warned):
    """Where not even a large change is found, what would do is told."""
    (folder / "ref.json").write_bytes(profile(None, None, rows))
    settings = f"reference: ref.json, window: {window}, features: {{from: profile}}"
    (folder / "c.yaml").write_text(f"sources: {{predictions: {{path: a.jsonl}}}}\nmodels: {{churn: {{{settings}}}}}\n")
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert ("at this budget" in out) is (warned is not None)
    assert warned is None or warned in out


def test_what_will_be_learned_is_told_beforehand(folder, capsys):
    """Thresholds and the smallest change found, as with a profile of so many records; and whether these are too few."""
    (folder / "c.yaml").write_text("""\
sources: {predictions: {path: a.jsonl}}
models:
  churn: {reference: {learn: 200}, features: {age: numeric}}
""")
    assert cli.main(["validate", "c.yaml"]) == 0
    learned = capsys.readouterr().out.partition("model churn, when it has learned\n")[2].splitlines()
    made = profiles.decode(profile(None, None, 200))
    number = made.signals["feature.age"]
    classes = CategoricalSignal(
        count=200, missing=0, invalid=0, categories=(("a", 100), ("b", 100)), rest=0, distinct=2
    )
    signals = {"feature.age": number, "prediction": classes, "confidence": number}
    made = msgspec.structs.replace(made, signals=signals)
    (folder / "ref.json").write_bytes(profiles.encode(made))
    (folder / "c.yaml").write_text(SMALL)
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    budget, *rest = learned[:4]
    assert budget.removesuffix(", if records have a prediction and a confidence; less if not") in out
    assert set(rest) <= set(out.splitlines())
    assert learned[5:] == [
        "  warning          it learns from 200 records, too few to tell any but large changes from chance; learn from "
        "1000 records or more",
        "  warning          the reference has 0.4 times the records of a window; most references of that size alarm "
        "always or never: learn from 1000 records or more",
    ]


def test_a_profile_gives_thresholds(folder, capsys):
    """The features that it has, and what the budget comes to at its rate."""
    (folder / "c.yaml").write_text(SMALL)
    (folder / "ref.json").write_bytes(profile("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 86_401))
    assert cli.main(["validate", "c.yaml"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "\n  features         all of the profile\n  feature age      numeric: psi, lepage, adwin, page_h" in out
    section = out.split("\nmodel churn, profile of any version\n")[1].splitlines()
    told = ["budget", "typical window", "alarms above", "smallest found", "state", "autocorrelation"]
    assert [line.split("  ")[1] for line in section] == told
    assert section[1] == "  typical window   3600 records (at the rate of the reference), reference 86401"


def test_quality_signals(folder, capsys):
    """What is watched, from which shares on, and a warning where the profile knows nothing of bursts."""
    text = SMALL.replace("features: {from: profile}", "features: {from: profile}, quality: true")
    (folder / "c.yaml").write_text(text)
    assert text != SMALL
    made = profile("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 86_401)
    (folder / "ref.json").write_bytes(made)
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert "  quality          missing, invalid, unseen, duplicates, frozen, volume, schema\n" in out
    assert "  schema           not watched: the profile does not tell fields; make it anew" in out
    assert "  freshness        less than 0.5 of records arriving later than 10 min, where they have times" in out
    assert "  quality          2 signals; alarms of quality.missing.age from 0.0" in out
    warning = "the profile does not say whether missing values come in bursts"
    assert f"  warning          {warning}" in out
    share = profiles.Share(found=0, records=86_401, calibration=Calibration(values=86_401, error=0.01))
    known = msgspec.structs.replace(profiles.decode(made), quality={"quality.missing.age": share})
    (folder / "ref.json").write_bytes(profiles.encode(known))
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert warning not in out
    assert "  warning          the profile knows no ids of records: quality.duplicates" in out
    assert "  warning          the profile does not say for how long numbers stand still: quality.frozen" in out
    still = profiles.Share(found=9, records=86_401, runs=80_000)
    more = {"quality.frozen.age": still, "quality.duplicates": share}
    (folder / "ref.json").write_bytes(profiles.encode(msgspec.structs.replace(known, quality=known.quality | more)))
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert "watches nothing" not in out
    assert "                   1 for standing still; alarms of quality.frozen.age from " in out


def test_relations(folder, capsys):
    """Which pairs are closest, how much they have to change, and which features have none."""
    (folder / "c.yaml").write_text("""\
sources: {predictions: {path: a.jsonl}}
models: {churn: {reference: ref.json, features: {a: numeric, b: numeric, c: numeric, d: boolean}}}
""")
    a, b, c = np.random.default_rng(1).normal(size=(3, 5_000))
    rows = zip(a.tolist(), (a + b).tolist(), c.tolist(), strict=True)
    lines = [json.dumps({"features": {"a": x, "b": y, "c": z, "d": True}}) for x, y, z in rows]
    (folder / "ref.jsonl").write_text("\n".join(lines))
    assert cli.main(["profile", "c.yaml", "--model", "churn", "--data", "ref.jsonl"]) == 0
    capsys.readouterr()
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert "  correlation      all pairs of features, the 50 closest with half of their budget, where the" in out
    told = [line for line in out.splitlines() if line.startswith("  correlation ")][1:]
    assert told[0].startswith(
        "  correlation      3 pairs, 1 of them related in the reference, closest a~b 0.69; alarms"
    )
    assert told[0].endswith(" by 0.198 of these, 0.205 of others")
    assert told[1:] == ["  correlation      not of d: constant in the reference, or no room for them"]
    (folder / "ref.jsonl").write_text("\n".join(json.dumps({"features": {"a": n, "d": False}}) for n in range(500)))
    assert cli.main(["profile", "c.yaml", "--model", "churn", "--data", "ref.jsonl"]) == 0
    assert cli.main(["validate", "c.yaml"]) == 0
    assert "  correlation      not watched: fewer than two features vary in the reference\n" in capsys.readouterr().out
    made = profiles.decode((folder / "ref.json").read_bytes())
    (folder / "ref.json").write_bytes(profiles.encode(msgspec.structs.replace(made, relations=msgspec.UNSET)))
    assert cli.main(["validate", "c.yaml"]) == 0
    assert "  correlation      not watched: the profile was made without; 'tidemark" in capsys.readouterr().out
    many = ", ".join(f"f{number}: numeric" for number in range(101))
    (folder / "c.yaml").write_text(
        SMALL.replace("reference: ref.json, features: {from: profile}", f"features: {{{many}}}")
    )
    assert cli.main(["validate", "c.yaml"]) == 0
    told = "not watched: more than 100 features ('correlation: true' watches them too)"
    assert f"  correlation      {told}\n" in capsys.readouterr().out


def test_expectations(folder, capsys):
    """Each rule in words."""
    (folder / "c.yaml").write_text("""\
sources: {predictions: {path: a.jsonl}}
models:
  churn:
    reference: ref.json
    features: {age: numeric, plan: categorical}
    expect: {age: {min: 0, max: 120, missing: "< 1%"}, plan: {in: [a, b], invalid: 0.001}}
""")
    assert cli.main(["validate", "c.yaml"]) == 0
    rows = [
        line.split("  expect  ")[1].strip() for line in capsys.readouterr().out.splitlines() if "  expect  " in line
    ]
    assert rows == [
        "age not below 0",
        "age not above 120",
        "less than 0.01 of age missing",
        "plan one of a, b",
        "less than 0.001 of plan invalid",
    ]


def test_the_time_before_a_window(folder, capsys):
    """How many records it has stands in the place of the reference; one that is too short is warned of."""
    times = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    (folder / "ref.json").write_bytes(profile(*times, 86_401))

    def shown(previous, window="{}"):
        reference = f"{{profile: ref.json, previous: {previous}}}"
        (folder / "c.yaml").write_text(
            f"sources: {{predictions: {{path: a.jsonl}}}}\n"
            f"models: {{churn: {{reference: {reference}, window: {window}, features: {{from: profile}}}}}}\n"
        )
        assert cli.main(["validate", "c.yaml"]) == 0
        return capsys.readouterr().out

    out = shown("7 days")
    assert "  compared with    the 7 days before each window, on the bins of the profile\n" in out
    assert "  feature age      numeric: psi, lepage, adwin\n" in out
    assert "  typical window   3600 records (at the rate of the reference), the 7 days before it 604800\n" in out
    assert "page_hinkley" not in out
    assert "warning" not in out
    assert shown("2 h").splitlines()[-1] == (
        "  warning          the 2 h before a window have 2 times its records; with 4 times as many smaller changes "
        "would be found: make 'previous' longer"
    )
    assert shown("2 h", "{min_count: 10000, grow_to: 2 h}").splitlines()[-1] == (
        "  warning          the 2 h before a window come to 7200 records (min_count 10000); nothing will be found: "
        "make 'previous' longer"
    )


def test_how_long_a_window_has_to_be(folder, capsys):
    """Where traffic is low, by the rate of the reference; one that cannot grow so far is warned of."""
    (folder / "ref.json").write_bytes(profile("2026-01-01T00:00:00Z", "2026-01-11T00:00:00Z", 2_401))

    def shown(grow_to):
        model = f"{{reference: ref.json, window: {{min_count: 100, grow_to: {grow_to}}}, features: {{from: profile}}}}"
        (folder / "c.yaml").write_text(f"sources: {{predictions: {{path: a.jsonl}}}}\nmodels: {{churn: {model}}}\n")
        assert cli.main(["validate", "c.yaml"]) == 0
        return capsys.readouterr().out.splitlines()

    long_enough, short = shown("1 day"), shown("4 h")
    typical = (
        "  typical window   100 records (min_count, which takes 10 h at the rate of the reference), reference 2401"
    )
    assert typical in long_enough
    assert not any("windows grow" in line for line in long_enough)
    assert (
        "  warning          windows grow to 4 h, in which there are 40 records at the rate of the reference "
        "(min_count 100); nothing will be found: let them grow to 10 h, or lower 'min_count'"
    ) in short


def test_autocorrelation_is_told(folder, capsys):
    """What a profile knows of it, and which signals come to few independent values in a window or the reference."""
    (folder / "c.yaml").write_text(SMALL)
    times = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    made = profiles.decode(profile(*times, 86_401))
    (name,) = made.signals

    def shown(calibration):
        signal = msgspec.structs.replace(made.signals[name], calibration=calibration)
        (folder / "ref.json").write_bytes(profiles.encode(msgspec.structs.replace(made, signals={name: signal})))
        assert cli.main(["validate", "c.yaml"]) == 0
        return capsys.readouterr().out.split("  autocorrelation  ")[1].splitlines()

    def slow(tau):
        return Calibration(values=86_401, error=0.1, tau=(tau,), spread_tau=(1.0,), shares=((tau, 1.0),))

    assert shown(None)[0].startswith("not known: records are taken for independent")
    assert shown(Calibration(values=86_401, error=0.01)) == [
        "none: records of the reference are independent, if they are in the order in which they came"
    ]
    assert shown(slow(20.0)) == [
        f"in 1 of 1 signals; most in {name}, where 20 values say as much as one independent one",
        f"  alarms above     in {name}: psi 0.106, ks 0.164, lepage 4.18, chi_squared 368, page_hinkley 20.2, "
        "adwin at delta 0.036, both in means of 66 values",
        f"  smallest found   in {name}: psi 0.187, shift of 0.45 sd, spread by a factor of 1.12",
    ]
    assert shown(slow(100.0))[1] == (
        f"  warning          {name}: a window comes to 36 independent values (at least 50); small changes are not "
        "found, and long runs may alarm too often: take a larger window"
    )
    assert shown(slow(2_000.0))[-1] == (
        f"  warning          {name}: moves so slowly that its 86,401 values say as much as 43 independent ones; "
        "profile a longer time"
    )
    blind = shown(slow(9_000.0))
    assert "ks cannot alarm, " in blind[1]
    assert blind[3].startswith(f"  warning          {name}: almost nothing can be found (no shift at all), as the")
    made = msgspec.structs.replace(made, provenance=msgspec.structs.replace(made.provenance, order="file"))
    for calibration in (slow(20.0), Calibration(values=86_401, error=0.01)):  # sorted by place, or shuffled
        assert shown(calibration)[0] == (
            "learned from the stream, as the reference is in no known order; thresholds above are those without"
        )


def test_a_small_reference_is_warned_of(folder, capsys):
    """The budget holds on average over references, and not for one that is small."""
    (folder / "c.yaml").write_text(SMALL)
    (folder / "ref.json").write_bytes(profile(None, None, 100))
    assert cli.main(["validate", "c.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "  warning          it has 100 records, too few to tell any but large changes from chance; profile more",
        "  warning          the reference has 0.2 times the records of a window; most references of that size alarm "
        "always or never: give 'tidemark profile' 1000 records or more",
    ]


def test_what_profiling_warned_of_is_told_again(folder, capsys):
    """Who uses a profile may not be who made it."""
    (folder / "c.yaml").write_text(SMALL)
    made = profiles.decode(profile("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 1))
    (folder / "ref.json").write_bytes(profiles.encode(made))
    assert cli.main(["validate", "c.yaml"]) == 0
    out = capsys.readouterr().out
    assert ", no shift, no spread\n" in out
    assert "  warning          it has 1 records (at least 50), so nothing is found; profile more\n" in out


def test_a_profile_that_does_not_fit(folder, capsys):
    """One line, and the status of a bad configuration."""
    (folder / "c.yaml").write_text(SMALL.replace("{from: profile}", "{age: categorical}"))
    (folder / "ref.json").write_bytes(profile(None, None, 100))
    assert cli.main(["validate", "c.yaml"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "age: was numeric, is categorical" in err


def test_json_is_the_plan(folder, capsys):
    """For programs; without secrets."""
    (folder / "c.yaml").write_text(CONFIGURATION)
    assert cli.main(["validate", "c.yaml", "--json"]) == 0
    out, err = capsys.readouterr()
    assert msgspec.json.decode(out, type=Plan) == load(folder / "c.yaml").plan
    assert (err, "hunter2" in out) == ("", False)


def test_problems_are_lines_on_stderr(folder, capsys):
    """All of them, without a traceback, and the status of a bad configuration."""
    (folder / "c.yaml").write_text(SMALL.replace("path", "paht").replace("profile}", "profil}"))
    assert cli.main(["validate", "c.yaml"]) == 2
    assert capsys.readouterr() == (
        "",
        "c.yaml:1:25: sources.predictions.paht: 'paht' is not a key (carries, columns, fields, format, idle, kind, "
        "max_skew, model, out_of_orderness, path, start, time, topic, version); did you mean 'path'?\n"
        "c.yaml:2:50: models.churn.features.from: 'profil' is not a place of features (profile); did you mean "
        "'profile'?\n",
    )


def test_a_configuration_that_is_not_there(capsys):
    """With what would write one."""
    assert cli.main(["validate", "none.yaml"]) == 2
    assert capsys.readouterr() == (
        "",
        "none.yaml:1:1: no such file; 'tidemark init --from DATA -o FILE' writes a first one\n",
    )


SEASONAL = """\
sources: {predictions: {path: a.jsonl}}
models:
  churn:
    reference: ref.json
    features: {from: profile}
    season: {period: 1 day, bins: 4, timezone: Europe/Berlin, ignore: [{from: 2026-12-24, to: 2026-12-27, why: sale}]}
"""


def test_a_season_is_told(folder, capsys):
    """What it is, how much of the reference is in its parts, and what that lacks."""
    (folder / "c.yaml").write_text(SEASONAL)
    made = profiles.decode(profile("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 86_401))
    assert cli.main(["validate", "c.yaml"]) == 0
    assert "  season           4 parts of 1 day in Europe/Berlin, 1 span left out\n" in capsys.readouterr().out

    def shown(span_ms, *counts):
        codec = SliceCodec(list(made.signals.values()))
        rows = np.zeros((1, 256), np.int64)
        slices = []
        for low, high in counts:
            rows[0, :2] = low, high
            slices.append(codec.pack(low + high, rows, np.ones((1, 2))) if low + high else None)
        calibrations = {"feature.age": Calibration(values=86_401, error=0.01, tau=(4.0,), spread_tau=(1.0,))}
        season = Season(
            period_ms=86_400_000, timezone="Europe/Berlin", span_ms=span_ms, slices=slices, calibrations=calibrations
        )
        (folder / "ref.json").write_bytes(profiles.encode(msgspec.structs.replace(made, season=season)))
        assert cli.main(["validate", "c.yaml"]) == 0
        return capsys.readouterr().out.split("\nmodel churn, profile of any version\n")[1].splitlines()

    enough = shown(864_000_000, (20_000, 2_000), (2_000, 20_000), (20_000, 2_000), (1_200, 19_201))
    assert enough[1].endswith(", reference 86401, at the times of a window as good as 22000")
    assert [" ".join(line.split()) for line in enough if line.startswith("  season")] == [
        "season the reference covers 10 periods, 20401 to 22000 records in a part; strongest in feature.age"
        ", where 100% of what a window is compared with is of its part alone"
    ]
    assert [line for line in enough if "season: " in line] == []
    assert "most in feature.age, where 4 values say as much as one" in "\n".join(enough)  # that of the season
    lacking = shown(100_000_000, (40, 2), (0, 0), (43_160, 43_198), (0, 1))
    assert [" ".join(line.split()) for line in lacking if "season: " in line] == [
        "warning season: the reference covers 1.2 of its periods (at least 2): what comes back cannot be "
        "told from chance, and only large changes will be found; profile a longer time",
        "warning season: 3 of its 4 parts have fewer than 50 records and are compared mostly with the "
        "whole; profile a longer time, or take fewer bins",
    ]


def test_a_profile_without_the_season(folder, capsys):
    """One line that says what to do, and the status of a bad configuration."""
    (folder / "c.yaml").write_text(SEASONAL)
    (folder / "ref.json").write_bytes(profile(None, None, 100))
    assert cli.main(["validate", "c.yaml"]) == 2
    assert capsys.readouterr().err.endswith(
        "profile churn: made without season (wanted 4 parts of 1 day in Europe/Berlin); run 'tidemark profile' again\n"
    )


def test_labels_and_performance(folder, capsys):
    """How long predictions wait for labels, of which share, and what is computed of them."""
    (folder / "c.yaml").write_text(
        "sources: {predictions: {path: a.jsonl}, labels: {path: l.jsonl}}\n"
        "models:\n"
        "  churn:\n"
        "    features: {age: numeric}\n"
        "    prediction: {task: binary, positive: yes}\n"
        "    labels: {within: 7 days, sample: 0.1}\n"
        "    performance: [f1, {roc_auc: {min: 0.75}}, {log_loss: {min: 0, max: 0.6}}]\n"
    )
    assert cli.main(["validate", "c.yaml"]) == 0
    model = capsys.readouterr().out.partition("model churn\n")[2]
    shown = [" ".join(line.split()) for line in model.splitlines() if line.startswith(("  labels", "  performance"))]
    assert shown == [
        "labels up to 7 days after the prediction, and those within records, of 0.1 of the ids",
        "performance f1",
        "performance roc_auc, at least 0.75",
        "performance log_loss, at least 0, at most 0.6",
    ]
