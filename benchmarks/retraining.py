"""Accuracy against retrainings: ``python -m benchmarks.retraining``, on the loop example's stream and real sets.

``--held-out`` takes streams that the settings were not chosen on.

Each row is first predicted and then learned from, by a random forest of the version in use. Tidemark watches its
accuracy, and its requests decide when a new version is trained, and on which rows: those that the request names. The
new version predicts from the next row on, with a baseline of predictions of each tenth of these rows by the others.
Beside it stand a model that is never retrained and one that is every 1,000 rows, on these. Sets that are not there
are named and left out. Everything follows from seeds that are written down.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict

from benchmarks.retraining_streams import ROOT, Stream, chosen_on, held_out
from config import load
from jobs import profiles, reference
from jobs.backtest import Backtest
from operators.profiles.profile_files import load_references
from schemas.cloudevents import milliseconds
from schemas.events import RetrainEvent

FIRST = 2_000  # rows that the first version is trained on
FOLDS = 10  # of a version's rows: predicted by the others they are the baseline; by a half they would be worse
EVERY = 1_000  # rows between periodic retrainings
START_MS, ROW_MS = 1_767_225_600_000, 60_000  # a row a minute
PERIODIC = "every 1,000 rows"
BUDGET = "1 per 7 days"  # 10,080 rows: a false retraining costs little

SETTINGS = "when: [performance, feature], severity: warning, min_samples: 800, max_wait: 1000 min, cooldown: 3000 min"
CONFIGURATION = """
job: {{pane: 50 min}}
sources: {{predictions: {{path: stream.jsonl}}}}
sinks: {{events: {{path: events.jsonl}}}}
models:
  model:
    reference: profiles/{{version}}.json
    prediction: {{task: multiclass, classes: [{classes}]}}
    features: {{{features}}}
    window: {{size: 1000 min, slide: 50 min, min_count: 200}}
    alarms: {{budget: {budget}}}
    performance: [accuracy, errors]
    retrain: {{{settings}{cost}}}
"""

Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Outcome:
    """What a policy comes to on a stream."""

    stream: str
    policy: str
    accuracy: float  # of all rows after the first
    retrainings: int
    samples: int  # trained on, in all of these


def trained(stream: Stream, rows: npt.NDArray[np.int64]) -> RandomForestClassifier:
    """A model of these rows."""
    forest = RandomForestClassifier(50, min_samples_leaf=3, random_state=0)
    return forest.fit(stream.rows[rows], stream.labels[rows])


def periodic(stream: Stream, policy: str, every: int) -> Outcome:
    """Retrain every so many rows, on these."""
    model, right, samples = trained(stream, np.arange(FIRST)), 0, 0
    times = range(FIRST, len(stream.rows), every)
    for at in times:
        if at > FIRST:
            model, samples = trained(stream, np.arange(at - every, at)), samples + every
        right += int(np.sum(model.predict(stream.rows[at : at + every]) == stream.labels[at : at + every]))
    return Outcome(stream.name, policy, right / (len(stream.rows) - FIRST), len(times) - 1, samples)


def asked(stream: Stream, policy: str, cost: float | None, settings: str) -> Outcome:
    """Retrain when Tidemark asks for it, on the data that it names."""
    end = len(stream.rows)
    named, at, used = np.arange(FIRST), FIRST, 0
    predicted, versions = stream.labels.copy(), np.zeros(end, np.int64)
    with tempfile.TemporaryDirectory() as folder:
        watched = _Watched(stream, Path(folder), cost, settings)
        for retrainings in count():
            predicted[at:] = trained(stream, named).predict(stream.rows[at:])
            versions[at:] = retrainings
            watched.profile(named, str(retrainings))
            request = watched.request(predicted, versions, retrainings)
            if request is None:
                break
            on = request.data.train_on
            named, at = np.arange(_row(on.start), _row(on.end)), _row(request.time)
            for span in on.exclude:
                named = named[(named < _row(span.start)) | (named >= _row(span.end))]
            used += len(named)
    right = np.mean(predicted[FIRST:] == stream.labels[FIRST:])
    return Outcome(stream.name, policy, float(right), retrainings, used)


class _Found(Exception):
    """There is another request: what follows is another version's."""


class _Watched:
    """Tidemark beside a model, in a folder of its own."""

    def __init__(self, stream: Stream, folder: Path, cost: float | None, settings: str) -> None:
        self._stream, self._folder = stream, folder
        self._names = [f"x{number}" for number in range(stream.rows.shape[1])]
        classes = sorted(set(stream.labels.tolist()))
        text = CONFIGURATION.format(
            classes=", ".join(f'"{name}"' for name in classes),
            features=", ".join(f"{name}: numeric" for name in self._names),
            settings=settings,
            budget=BUDGET,
            cost="" if cost is None else f", cost: {cost:g}",
        )
        (folder / "monitors.yaml").write_text(text)
        self._loaded = load(folder / "monitors.yaml")

    def profile(self, named: npt.NDArray[np.int64], version: str) -> None:
        """The reference of a version: what it was trained on, and how good it is on what it has not seen."""
        stream, known = self._stream, self._folder / "known.jsonl"
        forest = RandomForestClassifier(50, min_samples_leaf=3, random_state=0)
        rows, labels = stream.rows[named], stream.labels[named]
        self._write(known, named, cross_val_predict(forest, rows, labels, cv=FOLDS), np.full(len(named), version))
        made = reference.make_profile(
            self._loaded, "model", str(known), version=version, start=None, end=None, output=None,
            progress=lambda total: nullcontext(lambda more: None), performance=str(known),
        )  # fmt: skip
        profiles.write(made.path, made.profile)

    def request(self, predicted: Texts, versions: npt.NDArray[np.int64], before: int) -> RetrainEvent | None:
        """The first request after so many others, of all that was predicted."""
        rows = np.arange(FIRST, len(predicted))
        self._write(self._folder / "stream.jsonl", rows, predicted[rows], versions[rows].astype(str))

        def look(_: int) -> None:
            if len(requests()) > before:
                raise _Found

        def requests() -> list[RetrainEvent]:
            events = backtest.result.events
            made = [one for one in events if isinstance(one, RetrainEvent) and one.type.endswith(".requested")]
            return [one for one in made if _row(one.time) < len(predicted)]  # after the last row nothing is predicted

        backtest = Backtest(load_references(self._loaded.plan), on_progress=look)
        with suppress(_Found):
            backtest.run()
        found = requests()
        return found[before] if len(found) > before else None

    def _write(self, path: Path, rows: npt.NDArray[np.int64], predicted: Texts, versions: Texts) -> None:
        columns = (rows, self._stream.rows[rows], self._stream.labels[rows], predicted, versions)
        with path.open("wb") as file:
            for row, values, label, said, version in zip(*(column.tolist() for column in columns), strict=True):
                record = {
                    "id": str(row), "timestamp": START_MS + row * ROW_MS, "model": "model", "version": version,
                    "features": dict(zip(self._names, values, strict=True)), "prediction": said, "label": label,
                }  # fmt: skip
                file.write(msgspec.json.encode(record) + b"\n")


def _row(time: str) -> int:
    """The first row at or after an event time."""
    return -(-(milliseconds(time) - START_MS) // ROW_MS)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the real sets (default ../shared/data)")
    parser.add_argument("--held-out", action="store_true", help="streams that no setting was chosen on")
    parser.add_argument("--only", nargs="+", help="streams, by name")
    parser.add_argument("--policies", nargs="+", help="policies, by name")
    parser.add_argument("--retrain", default=SETTINGS, help=f"settings of the section retrain (default: {SETTINGS})")
    parser.add_argument("--cost", type=float, default=50.0, help="of a retraining, in correct predictions")
    parser.add_argument("--json", action="store_true", help="print a line for each outcome instead")
    given = parser.parse_args()
    data = given.data or Path(os.environ.get("TIDEMARK_DATA") or ROOT.parent / "shared" / "data")
    for stream in (held_out if given.held_out else chosen_on)(data):
        if isinstance(stream, str):
            print(f"left out: {stream}")
            continue
        if given.only and stream.name not in given.only:
            continue
        against: Outcome | None = None
        for name, policy in policies(stream, given.retrain, given.cost).items():
            if given.policies and name not in given.policies:
                continue
            one = policy(name)
            against = one if one.policy == PERIODIC else against
            print(json.dumps(one.__dict__) if given.json else _line(one, against), flush=True)


def policies(stream: Stream, settings: str, cost: float) -> dict[str, Callable[[str], Outcome]]:
    """What each policy comes to on a stream."""
    return {
        "never": lambda name: periodic(stream, name, len(stream.rows)),
        PERIODIC: lambda name: periodic(stream, name, EVERY),
        "on drift": lambda name: asked(stream, name, None, settings),
        "cost-aware": lambda name: asked(stream, name, cost, settings),
    }


def _line(one: Outcome, against: Outcome | None) -> str:
    told = f"{one.stream:13} {one.policy:32} {one.accuracy:.4f} {one.retrainings:4} {one.samples:9,}"
    if against is None:
        return told
    share = one.retrainings / against.retrainings
    return f"{told}  {one.accuracy / against.accuracy:6.1%} of the accuracy, {share:4.0%} of the retrainings"


if __name__ == "__main__":
    main()
