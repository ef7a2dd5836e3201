"""Draw the pictures of the documentation: `python docs/pictures/draw.py scores.csv`.

The scores are those of the backtest of quick-start.md; the pictures are written beside this file. They follow the
colours of the page that they stand on.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent
STYLE = """
text { font: 15px system-ui, sans-serif; fill: #24323d; } .small { font-size: 13px; fill: #52626f; }
.bold { font-weight: 600; } .box { fill: #e8f1f4; stroke: #5b7f8f; } .main { fill: #bfe3df; stroke: #1d7a70; }
.out { fill: #fbe9cf; stroke: #b5791b; } .tick { fill: #8aa4b0; } .soft { fill: #c2452d; opacity: 0.12; }
.line { stroke: #52626f; fill: none; stroke-width: 1.5; } .dash { stroke-dasharray: 5 4; } .grid { stroke: #d5dde2; }
.a { stroke: #1d7a70; stroke-width: 2; fill: none; } .b { stroke: #7b5ea7; stroke-width: 2; fill: none; }
.warn { stroke: #c2452d; }
@media (prefers-color-scheme: dark) {
text { fill: #e4ebef; } .small { fill: #a9b8c2; } .box { fill: #2a3740; stroke: #7f9fae; } .grid { stroke: #3b4850; }
.main { fill: #15504a; stroke: #4db6a9; } .out { fill: #54401b; stroke: #dba545; } .line { stroke: #a9b8c2; }
.a { stroke: #4db6a9; } .b { stroke: #b79be0; } .warn { stroke: #ff7d62; } .soft { fill: #ff7d62; }
}
"""


def main(scores: Path) -> None:
    """Write all pictures."""
    write("overview", 880, 250, "From records to events and retrain requests", overview())
    write("windows", 880, 290, "Records, panes, slides and windows in time", windows())
    write("episode", 880, 360, "Statistics of a feature over their thresholds, and the episode", episode(scores))
    write("budget", 880, 330, "How a budget is divided into levels of tests", budget())
    write("graph", 880, 400, "The Flink job, from sources to sinks", graph())


def write(name: str, width: int, height: int, title: str, parts: Iterable[str]) -> None:
    """Write one picture."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    arrow = '<marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    lines = [head, f"<title>{title}</title>", f"<style>{STYLE}</style>", arrow]
    lines += ['<path d="M0 0L8 4L0 8z" class="tick"/></marker>', *parts, "</svg>", ""]
    (FOLDER / f"{name}.svg").write_text("\n".join(lines), encoding="utf-8")


def say(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> str:
    """A line of text."""
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def box(x: float, y: float, wide: float, high: float, lines: str, kind: str = "box") -> Iterator[str]:
    """A box with lines of text, the first one bold."""
    yield f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="8" class="{kind}"/>'
    texts = lines.split("\n")
    top = y + high / 2 - 9 * (len(texts) - 1) + 5
    for place, text in enumerate(texts):
        yield say(x + wide / 2, top + 18 * place, text, "bold" if place == 0 else "small")


def arrow(*points: tuple[float, float], kind: str = "line") -> str:
    """A line through the points, with a head."""
    way = "L".join(f"{x} {y}" for x, y in points)
    return f'<path d="M{way}" class="{kind}" marker-end="url(#to)"/>'


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "line") -> str:
    """A straight line."""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>'


def overview() -> Iterator[str]:
    """What goes in, what comes out."""
    yield from box(10, 30, 170, 60, "Your model\npredictions, features")
    yield from box(10, 150, 170, 60, "What turned out\nlabels, days later")
    yield from box(240, 20, 380, 200, "", "main")
    yield say(430, 48, "Tidemark, one Flink job", "bold")
    yield from box(260, 65, 155, 60, "Compare\nwith the profile")
    yield from box(260, 145, 155, 60, "Measure\nperformance")
    yield from box(445, 105, 155, 60, "Decide\nepisode, incident")
    yield from box(680, 30, 190, 60, "Drift events\nwhat, since when, why", "out")
    yield from box(680, 150, 190, 60, "Retrain requests\non which data", "out")
    yield arrow((180, 60), (220, 60), (220, 95), (258, 95))
    yield arrow((180, 180), (220, 180), (220, 175), (258, 175))
    yield arrow((415, 95), (443, 125))
    yield arrow((415, 175), (443, 147))
    yield arrow((600, 125), (640, 125), (640, 60), (678, 60))
    yield arrow((600, 147), (640, 147), (640, 180), (678, 180))


def windows() -> Iterator[str]:
    """Records are counted by pane, panes make slides, windows are the last slides."""
    left, slide = 130, 58
    yield say(left - 15, 45, "records", anchor="end")
    for place in range(116):
        x = left + 6 * place + (place * 37 % 11) / 2
        yield f'<circle cx="{x}" cy="{38 + place * 53 % 9}" r="2" class="tick"/>'
    yield say(left - 15, 85, "panes", anchor="end")
    for place in range(36):
        yield f'<rect x="{left + slide / 3 * place:.1f}" y="70" width="{slide / 3 - 2:.1f}" height="22" class="box"/>'
    yield say(left - 15, 130, "slides", anchor="end")
    for place in range(12):
        yield f'<rect x="{left + slide * place}" y="114" width="{slide - 2}" height="24" class="box"/>'
    yield say(left - 15, 190, "windows", anchor="end")
    for place in range(3):
        start = left + slide * (4 + place)
        yield f'<rect x="{start}" y="{160 + 32 * place}" width="{slide * 6 - 2}" height="26" rx="4" class="main"/>'
        yield say(start + slide * 3, 178 + 32 * place, f"window, evaluated at the end of slide {10 + place}", "small")
    yield arrow((left, 268), (left + slide * 12, 268))
    yield say(left + slide * 6, 286, "event time", "small")


def episode(scores: Path) -> Iterator[str]:
    """Both windowed tests of the feature that changed, as parts of their thresholds."""
    lines: dict[str, list[tuple[datetime, float]]] = {"psi": [], "lepage": []}
    with scores.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["signal"] == "feature.paid" and row["detector"] in lines and row["threshold"]:
                part = float(row["statistic"]) / float(row["threshold"])
                lines[row["detector"]].append((datetime.fromisoformat(row["time"].replace("Z", "+00:00")), part))
    begin, end = lines["psi"][0][0].replace(hour=8, minute=0), lines["psi"][0][0].replace(hour=13, minute=30)
    onset, told = begin.replace(hour=10, minute=43, second=20), begin.replace(hour=10, minute=54, second=10)

    def across(time: datetime) -> float:
        return 60 + 790 * ((time - begin) / (end - begin))

    def up(part: float) -> float:
        return 300 - 70 * min(part, 3.6)

    yield f'<rect x="{across(told):.1f}" y="40" width="{850 - across(told):.1f}" height="260" class="soft"/>'
    for part in range(4):
        yield rule(60, up(part), 850, up(part), "line grid" if part != 1 else "line dash warn")
        yield say(50, up(part) + 5, f"{part}", "small", "end")
    yield say(66, up(1) - 7, "threshold", "small", "start")
    for hour in range(8, 14):
        yield say(across(begin.replace(hour=hour)), 322, f"{hour}:00", "small")
    for kind, (name, points) in zip("ab", lines.items(), strict=True):
        seen = [(across(time), up(part)) for time, part in points if begin <= time <= end]
        yield f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in seen)}" class="{kind}"/>'
        yield say(845, seen[-1][1] + 18, name if seen[-1][1] > up(3.5) else f"{name}, off the scale", "small", "end")
    yield rule(across(onset), 40, across(onset), 300, "line dash")
    yield say(across(onset) - 6, 30, "onset 10:43:20", "small", "end")
    yield rule(across(told), 40, across(told), 300, "line warn")
    yield say(across(told) + 6, 30, "episode opened 10:54:10, by page_hinkley", "small", "start")
    yield say(455, 348, "feature.paid: statistic over threshold, at the end of each slide of 5 minutes", "small")


def budget() -> Iterator[str]:
    """From what the user says to what a test is held against."""
    yield from box(330, 10, 220, 52, "budget: 1 per 30 days\nfalse episodes of a model", "out")
    yield from box(130, 95, 240, 52, "all traffic\nhalf of it (all, without segments)", "main")
    yield from box(510, 95, 240, 52, "segments\nthe other half, evenly", "box")
    yield from box(130, 180, 240, 52, "signals and their tests\nevenly, in parts", "main")
    yield from box(20, 265, 260, 52, "windowed: psi, lepage, ...\na level for each evaluation", "box")
    yield from box(310, 265, 260, 52, "sequential: adwin, ...\nvalues between two false alarms", "box")
    yield from box(610, 265, 250, 52, "threshold\nfrom the profile, at that level", "out")
    for start, stop in (((400, 62), (280, 93)), ((480, 62), (600, 93)), ((250, 147), (250, 178))):
        yield arrow(start, stop)
    yield arrow((220, 232), (160, 263))
    yield arrow((290, 232), (400, 263))
    yield arrow((570, 291), (608, 291))


def graph() -> Iterator[str]:
    """The job as Flink sees it."""
    yield from box(10, 30, 130, 50, "predictions\nKafka, files")
    yield from box(10, 110, 130, 50, "labels\nKafka, files")
    yield from box(190, 60, 140, 70, "decode\nbytes to codes,\none chunk a key")
    yield from box(390, 20, 140, 50, "panes\nTUMBLE of 10 s")
    yield from box(390, 120, 140, 60, "join\nids and labels,\n16 buckets")
    yield from box(590, 20, 140, 50, "monitor\nby key", "main")
    yield from box(590, 120, 140, 60, "performance\nby key", "main")
    yield from box(590, 240, 140, 60, "policy\nby model", "main")
    yield from box(590, 340, 140, 45, "events", "out")
    yield from box(190, 240, 140, 60, "late and dead\nrecords", "out")
    yield from box(390, 240, 140, 60, "control\nmute, accept, ack")
    yield from box(770, 70, 100, 50, "summaries", "out")
    for points in (
        ((140, 55), (188, 85)), ((140, 135), (188, 105)), ((330, 85), (388, 45)), ((330, 105), (388, 145)),
        ((530, 45), (588, 45)), ((530, 150), (588, 150)), ((660, 180), (660, 238)), ((660, 300), (660, 338)),
        ((260, 130), (260, 238)), ((530, 270), (588, 270)), ((730, 45), (750, 45), (750, 85), (768, 85)),
        ((730, 150), (750, 150), (750, 105), (768, 105)),
    ):  # fmt: skip
        yield arrow(*points)
    yield arrow((590, 60), (562, 90), (562, 255), (588, 255))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
