"""What another configuration changes about a job: settings by name, and what becomes of the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from config.durations import duration
from config.plan import Plan
from jobs.cluster.about import About
from jobs.cluster.states import LASTING
from operators.estimation.proxies import PROXIES
from operators.performances import measured_models
from operators.profiles.references import FEATURE, SCORE
from operators.relations.reconstruction import RECONSTRUCTION

SIGNALS = ("prediction", "confidence", SCORE, RECONSTRUCTION, *PROXIES)
NAMES = ("name", "fields")  # that tell the entries of a list from each other


@dataclass(frozen=True)
class Change:
    """A setting that is another one; `before` or `after` is None where it is not there."""

    what: str
    before: Any
    after: Any


class Pieces(NamedTuple):
    """What becomes of the pieces of a part of a model's state, by name."""

    kept: list[str]
    new: list[str]
    anew: list[str]
    gone: list[str]


@dataclass
class Changes:
    """All that is otherwise.

    Attributes
    ----------
    settings : list of Change
    anew : dict of str to list of str
        By model: parts of its state that begin again, and fill by themselves.
    pieces : dict of str to dict of str to Pieces
        By model and part, of those parts of which some goes on: what becomes of each piece.
    lost : dict of str to list of str
        By model: parts of its state that do not come back.
    impossible : list of str
        Why the job cannot go on from its state at all.
    sources : bool
        Whether there are other sources, and with them other operators of Flink's own.
    leaves : bool
        Whether an operator with state of its own is there no more: Flink asks for leave to pass over that.
    thresholds : dict of str to tuple of float
        By model: level of a test before and after, where it is another one.
    """

    settings: list[Change] = field(default_factory=list)
    anew: dict[str, list[str]] = field(default_factory=dict)
    pieces: dict[str, dict[str, Pieces]] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)
    impossible: list[str] = field(default_factory=list)
    sources: bool = False
    leaves: bool = False
    thresholds: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether the job would be the same."""
        others = self.anew or self.pieces or self.lost or self.impossible or self.thresholds
        return not (self.settings or others)

    @property
    def harmless(self) -> bool:
        """Whether nothing is lost that does not come back by itself."""
        return not (self.lost or self.impossible)

    def lines(self) -> Iterator[str]:
        """What there is to say to people."""
        if self.nothing:
            yield "nothing changes"
            return
        for change in self.settings:
            yield _line(change)
        for model, (before, after) in self.thresholds.items():
            yield f"models.{model}: thresholds move, the level of a test from {before:.3g} to {after:.3g}"
        for model, found in self.pieces.items():
            for part, pieces in found.items():
                told = (
                    ("go on", pieces.kept),
                    ("are new", pieces.new),
                    ("begin anew", pieces.anew),
                    ("end", pieces.gone),
                )
                yield from (f"models.{model}: {part}: {what}: {', '.join(names)}" for what, names in told if names)
        for model, parts in self.anew.items():
            yield f"models.{model}: begins anew: {', '.join(parts)}"
        for model, parts in self.lost.items():
            yield f"models.{model}: IS LOST: {', '.join(parts)}"
        for why in self.impossible:
            yield f"ALL STATE IS LOST: {why}"
        if self.harmless:
            others = (one for found in self.pieces.values() for one in found.values())
            less = self.anew or any(one.anew or one.gone for one in others)
            yield "all other state is kept" if less else "all state is kept"

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "changes": [
                {"what": change.what, "before": change.before, "after": change.after} for change in self.settings
            ],
            "thresholds": self.thresholds,
            "pieces": {
                model: {part: pieces._asdict() for part, pieces in found.items()}
                for model, found in self.pieces.items()
            },
            "anew": self.anew,
            "lost": self.lost,
            "incompatible": self.impossible,
            "harmless": self.harmless,
        }


def changes(old: About, new: About) -> Changes:
    """What a job is told that goes on under another configuration.

    Parameters
    ----------
    old
        What runs.
    new
        What is to run.
    """
    found = Changes(
        sources=graph_of(old.plan) != graph_of(new.plan), leaves=not _operators(old.plan) <= _operators(new.plan)
    )
    found.settings += _differences("", _settings(old.plan), _settings(new.plan))
    if old.plan.job.pane_ms != new.plan.job.pane_ms:
        found.impossible.append(f"job.pane was {duration(old.plan.job.pane_ms)}; windows of others would overlap")
    if old.graph != new.graph:
        found.impossible.append(f"release {old.release} put the job together otherwise than {new.release}")
    if found.sources and any(source.path for source in (*old.plan.sources, *new.plan.sources)):
        found.impossible.append("files are among sources that are others")
    for model, before in old.states.items():
        after = new.states.get(model)
        if after is None:
            found.lost[model] = sorted(before.parts)
            continue
        gone = [part for part, made_for in before.parts.items() if after.parts.get(part) != made_for]
        if lost := sorted(part for part in gone if part in LASTING):
            found.lost[model] = lost
        pieces = {part: _pieces(before.pieces.get(part, {}), after.pieces.get(part, {})) for part in gone}
        if told := {part: one for part, one in sorted(pieces.items()) if one is not None}:
            found.pieces[model] = told
        if anew := sorted(part for part in gone if part not in LASTING and pieces[part] is None):
            found.anew[model] = anew
        if before.level != after.level:
            found.thresholds[model] = (before.level, after.level)
    return found


def _pieces(old: dict[str, str], new: dict[str, str]) -> Pieces | None:
    """What becomes of the pieces of a part; None where none goes on: see `Carrying.between`."""
    kept = [name for name, one in new.items() if name and old.get(name) == one]
    if not any(name in SIGNALS or name.startswith(FEATURE) for name in kept) or old[""] != new[""]:
        return None
    return Pieces(
        kept,
        [name for name in new if name not in old],
        [name for name, one in new.items() if old.get(name, one) != one],
        [name for name in old if name not in new],
    )


def graph_of(plan: Plan) -> list[tuple[str, str | None, str | None]]:
    """What decides which operators of Flink's own there are, and what they read: see jobs/sql.py."""
    return [(source.name, source.topic, source.path) for source in plan.sources]


def _operators(plan: Plan) -> set[str]:
    """Those that some jobs have and others have not: see jobs/monitor.py."""
    there = {"control": plan.control, "summaries": plan.summaries, "dead letters": plan.dead_letters}
    return {name for name, one in there.items() if one is not None} | (
        {"performance"} if measured_models(plan) else set()
    )


def _settings(plan: Plan) -> Any:
    """The plan as mappings all the way down; what only describes it is left out."""
    plain = msgspec.to_builtins(msgspec.structs.replace(plan, configuration_id="", unavailable=()))
    return _named(plain)


def _named(value: Any) -> Any:
    """Lists of things with names as mappings: one that is put in before others changes none of them."""
    if isinstance(value, Mapping):
        return {key: _named(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        for key in NAMES:
            names = [_text(item[key]) for item in value if key in item]
            if len(names) == len(value) == len(set(names)):
                return {
                    name: {inner: _named(one) for inner, one in item.items() if inner != key}
                    for name, item in zip(names, value, strict=True)
                }
    return value


def _text(name: Any) -> str:
    return ",".join(map(str, name)) if isinstance(name, list | tuple) else str(name)


def _differences(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            inner = f"{path}.{key}" if path else str(key)
            yield from _differences(inner, before.get(key), after.get(key))
        return
    yield Change(path, before, after)


def _line(change: Change) -> str:
    if change.before is None:
        return f"{change.what}: added" + _shown(change.after)
    if change.after is None:
        return f"{change.what}: removed"
    return f"{change.what}: {_value(change.before)} -> {_value(change.after)}"


def _shown(value: Any) -> str:
    return "" if isinstance(value, Mapping) else f": {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return str(value)
