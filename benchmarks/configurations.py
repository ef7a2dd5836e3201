"""The configurations that are measured, as a user would write them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from benchmarks.records import FEATURES, MODEL, SEGMENTS
from config import Configuration, load
from jobs import profiles, reference

TEXT = """\
job: {{name: bench, parallelism: {parallelism}}}
{kafka}
sources:
  predictions: {source}
{labels}sinks:
  events: {events}
models:
  {model}:
    reference: profile.json
    prediction: {{task: binary, positive: "yes"}}
    window: {{size: 10 min, slide: 1 min}}
    features: {{{features}}}
    segments: {segments}
{performance}"""


def configuration(
    folder: Path,
    *,
    bootstrap: str | None = None,
    topic: str = "records",
    payload_time: bool = False,
    parallelism: int = 1,
    segmented: bool = False,
    sample: float | None = None,
) -> Configuration:
    """Write and load the configuration of a run: with ``bootstrap`` from a topic, else from the file ``records.jsonl``.

    With ``sample`` there are labels of so many of the ids, and accuracy is computed of them.

    Raises
    ------
    ConfigError
        It asks for something that is not there yet.
    """
    regions = ", ".join(f"r{number}" for number in range(SEGMENTS))
    time = ", time: payload" if payload_time else ""
    text = TEXT.format(
        parallelism=parallelism,
        kafka="" if bootstrap is None else f'kafka: {{bootstrap: "{bootstrap}"}}',
        source="{path: records.jsonl}" if bootstrap is None else f"{{topic: {topic}, start: earliest{time}}}",
        events="{path: events.jsonl}" if bootstrap is None else "{topic: drift-events}",
        model=MODEL,
        features=", ".join(f"{name}: numeric" for name in FEATURES),
        labels="" if sample is None else "  labels: {topic: labels, start: earliest}\n",
        performance=""
        if sample is None
        else f"    labels: {{within: 2 h, sample: {sample}}}\n    performance: [accuracy]\n",
        segments=f"[{{region: [{regions}]}}]" if segmented else "[]",
    )
    path = folder / "monitors.yaml"
    path.write_text(text)
    return load(path)


def write_profile(folder: Path, data: Path) -> None:
    """Profile the reference data for all runs in a folder."""
    loaded = configuration(folder)
    made = reference.make_profile(
        loaded, MODEL, str(data), version=None, start=None, end=None, output=None,
        progress=lambda total: nullcontext(lambda more: None),
    )  # fmt: skip
    profiles.write(made.path, made.profile)
