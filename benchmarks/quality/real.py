"""Real data sets with known truth, cut into streams: one reference, and what came after it.

Where a set changes several times, each change is a stream of its own, with a reference from just before it, as after
a drift that was accepted. Only the recurring ones (NAB) have several drifts in one stream.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict

from benchmarks.quality.streams import Floats, Stream, Truth

ANNOTATORS = 3  # of five that agree make a change point of TCPD the truth
MARGIN = 5  # values by which they may differ, as in TCPD's own measure
SHORT = 50  # values: the shortest window
DRAW = 1  # seed, where rows are drawn


class MissingDataError(Exception):
    """The folder of a data set is not there; the text says which."""


def _stream(
    name: str, group: str, rows: Floats, reference: int, truths: Sequence[tuple[int, int]], window: int,
    *, named: Sequence[int] = (), judged: bool = True, timed: bool = True,
) -> Stream:  # fmt: skip
    """Cut rows after the reference; truths are row numbers."""
    columns = range(rows.shape[1])
    return Stream(
        name=name, group=group, change="real", reference=np.ascontiguousarray(rows[:reference]),
        values=np.ascontiguousarray(rows[reference:]),
        truths=tuple(Truth(start - reference, end - reference) for start, end in truths), window=window,
        named=tuple(column in named for column in columns), judged=judged, timed=timed,
        prolonged=window + window // 2,
    )  # fmt: skip


def _elec2(folder: Path) -> Iterator[Stream]:
    """Three columns are constant until row 17,424: 8,000 rows of reference, windows of ten days."""
    rows = _numbers(folder / "elec2.csv.gz", ["vicprice", "vicdemand", "transfer"])
    yield _stream("elec2", "elec2", rows, 8_000, [(17_424, len(rows))], 480)


def _sea(folder: Path) -> Iterator[Stream]:
    """Concepts change at three rows: features and class, references of 7,000 rows, 3,000 more before each change.

    Rows have no times, in none of the sets but elec2, NAB, TCPD and bike.
    """
    rows = _numbers(folder / "sea_drifts_12500_25000_37500.csv.gz")
    for change in (12_500, 25_000, 37_500):
        part = rows[change - 10_000 : change + 10_000]
        yield _stream(f"SEA at {change:,}", "SEA", part, 7_000, [(10_000, len(part))], 1_000, named=[3], timed=False)


def _sea_stationary(folder: Path) -> Iterator[Stream]:
    """One concept throughout: nothing is to be found."""
    rows = _numbers(folder / "sea_stream_stationary.csv.gz")
    yield _stream("SEA, stationary", "SEA, stationary", rows, 7_000, [], 1_000, named=[3], timed=False)


def _rbf(folder: Path) -> Iterator[Stream]:
    """Means of the classes jump every 3,000 rows: 2,000 rows of reference each, 1,000 more before the change."""
    rows = np.loadtxt(gzip.open(folder / "rbf_rows_0_60000.txt.gz"))
    for change in range(3_000, len(rows), 3_000):
        part = rows[change - 3_000 : change + 3_000]
        yield _stream(f"RBF at {change:,}", "RBF", part, 2_000, [(3_000, len(part))], 300, named=[2], timed=False)


def _elec2_errors(folder: Path) -> Iterator[Stream]:
    """Of a model of prices going up or down: what is known of the columns says nothing of its errors."""
    names = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "class"]
    rows = _numbers(folder / "elec2.csv.gz", names)
    whole = _stream("elec2", "elec2", rows, 8_000, [], 480, judged=False)
    yield from _errors([whole], "elec2, errors of a model")


def _sea_errors(folder: Path) -> Iterator[Stream]:
    """Of a model trained on the reference: one column, whether it predicted the class wrongly."""
    yield from _errors(_sea(folder), "SEA, errors of a model")


def _rbf_errors(folder: Path) -> Iterator[Stream]:
    """Likewise."""
    yield from _errors(_rbf(folder), "RBF, errors of a model")


def _errors(streams: Iterable[Stream], group: str) -> Iterator[Stream]:
    """What labels tell: a model of the last column, trained on the reference, is wrong (1) or not (0).

    In the reference it is trained on two thirds and asked of the other, each in turn.
    """
    for stream in streams:
        known, classes = stream.reference[:, :-1], stream.reference[:, -1]
        model = RandomForestClassifier(n_estimators=20, min_samples_leaf=5, random_state=1)
        errors = cross_val_predict(model, known, classes, cv=3) != classes
        later = model.fit(known, classes).predict(stream.values[:, :-1]) != stream.values[:, -1]
        yield replace(
            stream, name=f"{stream.name}, errors", group=group, named=(False,),
            reference=errors[:, None].astype(np.float64), values=later[:, None].astype(np.float64),
        )  # fmt: skip


def _california(folder: Path) -> Iterator[Stream]:
    """NannyML's own set: all of the analysis differs from the reference; windows of 30 days of hours.

    The rows are blocks of houses, sorted by place, and their times are made up, an hour from each to the next. So any
    order of the reference is as good: a third of its rows, drawn at random, is shown as what does not differ, first.
    """
    names = ["MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude"]
    known = np.random.default_rng(DRAW).permutation(_numbers(folder / "california_housing_reference.csv", names))
    rows = np.concatenate([known, _numbers(folder / "california_housing_analysis.csv", names)])
    reference = len(known) * 2 // 3
    yield _stream("California", "California", rows, reference, [(len(known), len(rows))], 720, timed=False)


def _nab(folder: Path) -> Iterator[Stream]:
    """Seven series: the first 15 % are the reference (NAB's probation), an eighth of it is the window."""
    labels = json.loads((folder / "combined_windows.json").read_text())
    for path in sorted(folder.glob("*.csv")):
        with path.open() as file:
            lines = list(csv.DictReader(file))
        times = [line["timestamp"] for line in lines]
        rows = np.array([[float(line["value"])] for line in lines])
        reference = len(rows) * 15 // 100
        spans = [[edge.split(".")[0] for edge in span] for span in labels[f"realKnownCause/{path.name}"]]
        truths = [(int(np.searchsorted(times, first)), int(np.searchsorted(times, last))) for first, last in spans]
        window = max(SHORT, reference // 80 * 10)
        inside = [truth for truth in truths if truth[0] >= reference]
        yield _stream(f"NAB {path.stem}", "NAB", rows, reference, inside, window)


def _tcpd(folder: Path) -> Iterator[Stream]:
    """Changes on which three annotators agree, after at least 100 calm values, of which the first half is reference."""
    annotated = json.loads((folder / "annotations.json").read_text())
    for path in sorted(folder.glob("*.json")):
        if path.stem not in annotated:
            continue
        series = json.loads(path.read_text())["series"]
        rows = np.array([column["raw"] for column in series], np.float64).T
        rows = np.where(np.isnan(rows), np.nanmedian(rows, axis=0), rows)
        changes = [0, *_agreed(list(annotated[path.stem].values())), len(rows)]
        for before, change, after in zip(changes, changes[1:], changes[2:], strict=False):
            if change - before >= 2 * SHORT and after - change >= MARGIN:
                part, at = rows[before:after], change - before
                yield _stream(f"TCPD {path.stem} at {change}", "TCPD", part, at // 2, [(at, len(part))], SHORT)


def _agreed(annotations: list[list[int]]) -> list[int]:
    """Change points that enough annotators have marked: the median of what they say.

    >>> _agreed([[179, 255], [179], [180, 500], [], [256]])
    [179]
    """
    found: list[int] = []
    for point in sorted({point for annotation in annotations for point in annotation}):
        near = [min(annotation, key=lambda other: abs(other - point)) for annotation in annotations if annotation]
        near = [other for other in near if abs(other - point) <= MARGIN]
        if len(near) >= ANNOTATORS and (not found or point - found[-1] > 2 * MARGIN):
            found.append(sorted(near)[len(near) // 2])
    return found


def _bike(folder: Path) -> Iterator[Stream]:
    """The first 28 days against the two years that follow: seasons change, no drift is known."""
    rows = _numbers(folder / "bike_hour.csv", ["temp", "hum", "windspeed", "cnt"])
    yield _stream("bike", "bike", rows, 28 * 24, [], 7 * 24, judged=False)


def _weather(folder: Path) -> Iterator[Stream]:
    """Ten years of days against forty that follow: no drift is known."""
    rows = _numbers(folder / "skmf_weather.csv", [f"feat_{number}" for number in range(1, 9)])
    yield _stream("weather", "weather", rows, 3_650, [], 360, judged=False, timed=False)


SETS: dict[str, tuple[str, Callable[[Path], Iterator[Stream]]]] = {
    "elec2": ("elec2", _elec2),
    "elec2, errors of a model": ("elec2", _elec2_errors),
    "SEA": ("sea", _sea),
    "SEA, stationary": ("sea", _sea_stationary),
    "SEA, errors of a model": ("sea", _sea_errors),
    "RBF": ("rbf", _rbf),
    "RBF, errors of a model": ("rbf", _rbf_errors),
    "California": ("california", _california),
    "NAB": ("nab", _nab),
    "TCPD": ("tcpd", _tcpd),
    "bike": ("bike", _bike),
    "weather": ("weather", _weather),
}


def streams(name: str, data: Path) -> list[Stream]:
    """Give the streams of a set.

    Raises
    ------
    MissingDataError
    """
    folder, read = SETS[name]
    if not (data / folder).is_dir():
        msg = f"{name}: no folder {folder} among the data"
        raise MissingDataError(msg)
    return list(read(data / folder))


def _numbers(path: Path, names: Sequence[str] | None = None) -> Floats:
    """Columns of a CSV file; without names all, and a first line that is not of numbers is left out."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        lines = list(csv.reader(file))
    if names is None:
        return np.array([line for line in lines if line[0].replace(".", "").isdigit()], np.float64)
    places = [lines[0].index(name) for name in names]
    return np.array([[float(line[place]) for place in places] for line in lines[1:]])
