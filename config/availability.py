"""Which parts of a configuration this release checks but does not act on yet, said in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.errors import Path, dotted
from config.expected import expected_number
from config.model import Model
from config.models import File, Source

RELEASE = "0.1"  # the series, as in the package's version


def record_sources(model: str, sources: Mapping[str, Source]) -> int:
    """How many sources may have records of a model, other than labels."""
    kinds = [source for name, source in sources.items() if (source.kind or name) != "labels"]
    return sum(source.model in (None, model) for source in kinds)


def unavailable(file: File) -> Iterator[str]:
    """Name the parts that are in use and not available."""
    for path, what in _parts(file):
        yield f"{dotted(path)}: {what}not available yet in tidemark {RELEASE}; it is checked but does nothing"


def _parts(file: File) -> Iterator[tuple[Path, str]]:
    for name, model in file.models.items():
        for path, what in _of_model(model):
            yield ("models", name, *path), what


def _of_model(model: Model) -> Iterator[tuple[Path, str]]:
    if model.retrain and model.retrain.cost is not None:
        if not any("accuracy" in metric for metric in model.performance):
            yield ("retrain", "cost"), "without 'accuracy' in performance it is "
    for field in model.expect if isinstance(model.features, dict) else ():
        if expected_number(model, field) is None:
            yield ("expect", field), "for fields that the configuration does not name "
