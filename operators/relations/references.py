"""What a reference has of the relations between features, and how much of the budget each of them has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from config.plan import CorrelationPlan, ModelPlan
from operators.relations.correlations import Correlations, Crossed, RelationColumns, Strength, unpack
from operators.relations.fitting import FARTHEST
from schemas.profile import Profile, Relations

CORRELATION = "correlation."
FEATURE = "feature."
MATTERS = 0.1  # correlation, ratio or V of the reference from which on a pair counts as related; Cohen's small

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RelationReference:
    """Arrays have a value for each entry, a pair of columns, or for each pair of features."""

    columns: RelationColumns
    names: tuple[str, ...]  # of the features, without what they begin with
    found: Crossed
    told: Correlations
    variance: Floats  # (entries,) of Fisher's z of one record
    tau: Floats  # (entries,) how many records say as much as one independent one
    skewness: Floats  # (entries,) of what one record moves z by
    matters: Flags  # (pairs,) those most closely related, which have half of the budget of all

    @property
    def tests(self) -> int:
        """How many shares of the budget all pairs have together: as many as there are features."""
        return len(self.names) if len(self.matters) else 0

    def name(self, pair: int) -> str:
        """Of its signal."""
        a, b = self.columns.pairs[pair]
        return f"{CORRELATION}{self.names[a]}~{self.names[b]}"

    @cached_property
    def shares(self) -> Floats:
        """Of each pair, in the level of one test; they add up to `tests`."""
        groups = [group for group in (self.matters, ~self.matters) if group.any()]
        found = np.zeros(len(self.matters))
        for group in groups:
            found[group] = self.tests / len(groups) / group.sum()
        return found

    @cached_property
    def sizes(self) -> Counts:
        """Entries of each pair."""
        return np.diff(np.append(self.columns.firsts, len(self.columns.one)))

    @cached_property
    def strengths(self) -> tuple[Strength, ...]:
        """Of each pair."""
        return strengths(self.columns, self.found, self.told)

    def of_span(self, sums: Counts) -> RelationReference:
        """Records of the stream in place of the reference's."""
        found = self.columns.crossed(sums)
        again = replace(self, found=found, told=self.columns.correlations(found))
        return again


def strengths(columns: RelationColumns, found: Crossed, told: Correlations) -> tuple[Strength, ...]:
    """How closely the features of each pair are related."""
    first = told.correlation[columns.firsts].tolist()
    return tuple(columns.strength(found, pair, value) for pair, value in enumerate(first))


def relation_columns(model: ModelPlan, profile: Profile, order: Sequence[str]) -> RelationColumns | None:
    """Columns of the features whose relations a model watches; None: it watches none, or of fewer than two.

    Parameters
    ----------
    model
    profile
    order
        Names of the signals that records have codes of.
    """
    known = profile.relations
    watched = model.pairs is not None or model.multivariate is not msgspec.UNSET
    if not watched or isinstance(known, msgspec.UnsetType):
        return None
    names = [name for name in known.columns if name in order]
    if len(names) < 2:
        return None
    positions = [order.index(name) for name in names]
    return RelationColumns([profile.signals[name] for name in names], positions, [known.columns[n] for n in names])


def reference_sums(known: Relations, profile: Profile, order: Sequence[str]) -> tuple[Crossed, Flags]:
    """What the reference has of the columns that are watched, and which of its entries are."""
    every = RelationColumns(
        [profile.signals[name] for name in known.columns], range(len(known.columns)), list(known.columns.values())
    )
    kept = np.array([name in order for name in known.columns], np.bool_)
    found = every.crossed(unpack(known.sums)).of(np.flatnonzero(kept[every.of]), np.flatnonzero(kept))
    return found, kept[every.of[every.one]] & kept[every.of[every.other]]


def relation_reference(
    model: ModelPlan, profile: Profile, order: Sequence[str], columns: RelationColumns | None
) -> RelationReference | None:
    """What a profile has of the relations between features; None where the model does not watch pairs of them.

    Parameters
    ----------
    model
    profile
    order
        Names of the signals that records have codes of.
    columns
        From `relation_columns`.
    """
    plan, known = model.pairs, profile.relations
    if columns is None or plan is None or isinstance(known, msgspec.UnsetType):
        return None
    found, entries = reference_sums(known, profile, order)
    told = columns.correlations(found)
    skews = known.skews or bytes(len(known.tau))
    variance, tau, skewness = (
        np.frombuffer(data, "<f4").astype(np.float64)[entries] for data in (known.variances, known.tau, skews)
    )
    size = np.nan_to_num(np.array([abs(one.value) for one in strengths(columns, found, told)], np.float64))
    matters = np.zeros(len(size), np.bool_)
    matters[np.argsort(-size, kind="stable")[: plan.pairs]] = True
    return RelationReference(
        columns=columns,
        names=tuple(order[position].removeprefix(FEATURE) for position in columns.positions.tolist()),
        found=found,
        told=told,
        variance=variance,
        tau=tau,
        skewness=skewness,
        matters=matters & (size >= MATTERS),
    )


def relations_misfit(model: ModelPlan, profile: Profile) -> str | None:
    """What a profile lacks of the relations that a model watches, or has of features that it does not."""
    if isinstance(model.correlation, CorrelationPlan) and profile.relations is msgspec.UNSET:
        return "made without 'correlation', which is asked for"
    if model.multivariate is msgspec.UNSET:
        return None
    known = profile.relations
    if profile.multivariate is msgspec.UNSET or isinstance(known, msgspec.UnsetType):
        return "made without 'multivariate', which is asked for"
    watched = {FEATURE + feature.name for feature in model.features}
    others = [name.removeprefix(FEATURE) for name in known.columns if name not in watched]
    if others:
        return f"'multivariate' is of features that are not watched ({', '.join(others)})"
    if model.classifier is not msgspec.UNSET and profile.domain is msgspec.UNSET:
        return "made without 'multivariate.classifier', which is asked for"
    return None


def fisher(correlation: Floats) -> Floats:
    """Fisher's z, cut where it would go to infinity."""
    return np.asarray(np.arctanh(np.clip(correlation, -FARTHEST, FARTHEST)), np.float64)
