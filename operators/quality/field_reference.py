"""Field references: which fields records are expected to have, by the profile.

Fields are told apart where both can be: of a profile from a table and a stream of JSON those of the features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from config.plan import ModelPlan, QualityPlan, SourcePlan
from operators.quality.field_names import TABLES, FieldNames, holder_name, place_name
from operators.reading.columns import FIELDS, column_name
from schemas.profile import Profile

USUAL = 0.9  # share of records from which on a field is expected; rarer ones are optional, and may be away for long
RARE = 0.01  # share up to which a field is as good as not there
READ = ("prediction", "probabilities", "confidence")  # fields that the model's signals are read from, as features
NEW = 64  # names that the reference lacks, of a slide: as many tests, and 10 KB of state at most


@dataclass(frozen=True)
class FieldReference:
    """What the fields of a model version's records are compared with."""

    records: int
    named: dict[str, int]  # by name as records of the stream have it: how many records of the reference do
    most: int  # that a name may have which is not among them
    read: frozenset[str]  # names of features, and of what is predicted
    prefix: str = ""  # of the names that are compared
    known: frozenset[str] = frozenset()  # names that are not new, of which nothing more is known

    @cached_property
    def usual(self) -> tuple[str, ...]:
        """Names that records are expected to have."""
        return tuple(name for name, count in self.named.items() if count >= USUAL * self.records)

    @cached_property
    def others(self) -> frozenset[str]:
        """Names that records may have, or not."""
        return self.known.union(name for name, count in self.named.items() if count > RARE * self.records)

    @property
    def tests(self) -> int:
        """Tests of a slide and its window."""
        return 2 * (len(self.usual) + NEW)

    def count(self, name: str) -> int:
        """Records of the reference that have a field."""
        return self.named.get(name, self.most)

    @cached_property
    def meaning(self) -> int:
        """What is compared, as a number of 32 bits."""
        names = sorted(self.named.items()), sorted(self.known)
        about = msgspec.json.encode([self.records, self.most, self.prefix, names])
        return int.from_bytes(hashlib.blake2b(about, digest_size=4).digest(), "little")


def watches_fields(model: ModelPlan) -> bool:
    """Whether a model watches which fields its records have."""
    return isinstance(model.quality, QualityPlan) and model.quality.schema


def tells_fields(model: ModelPlan, profile: Profile) -> bool:
    """Whether they are watched, and a profile tells those of the reference."""
    return watches_fields(model) and not isinstance(profile.fields, msgspec.UnsetType)


def field_reference(model: ModelPlan, profile: Profile, sources: Sequence[SourcePlan]) -> FieldReference | str | None:
    """What fields are compared with; why they are not; None where they are not to be watched.

    Parameters
    ----------
    model, profile
    sources
        All of the plan.
    """
    if not watches_fields(model):
        return None
    of = [source for source in sources if source.kind == "predictions" and source.model in (None, model.name)]
    if len(of) != 1:
        return "records come from several sources" if of else None
    source, told = of[0], profile.fields
    if isinstance(told, msgspec.UnsetType):
        return "the profile does not tell fields; make it anew with 'quality' in the configuration"
    if source.format in TABLES and told.form != "table":
        return "the profile is of records that are no table; make it from a table"
    names = FieldNames(source)
    feature, place = (str, column_name) if source.format in TABLES else (names.feature, place_name)
    fields = {one.field for one in model.features}
    elsewhere = fields - set(fields if source.carries is None else source.carries)  # in records of other sources
    read = {feature(name) for name in fields} | {place(getattr(source.fields, name)) for name in READ}
    known = {feature(name) for name in elsewhere} | {place(getattr(source.fields, name)) for name in FIELDS}
    if source.format not in TABLES:
        known |= {holder_name(getattr(source.fields, name)) for name in (*FIELDS, *READ)}
    named, prefix = told.named, ""
    if source.format not in TABLES and told.form == "table":
        if not names.prefix:
            return "the profile is of a table, and features stand among other fields; make it from the stream's records"
        # Whether records have columns that are no features nobody knows.
        known |= {feature(column) for column in named}
        named = {feature(column): count for column, count in named.items() if column in fields}
        prefix = names.prefix + "/"
    named = {name: count for name, count in named.items() if name not in {feature(one) for one in elsewhere}}
    return FieldReference(told.records, named, told.most, frozenset(read), prefix, frozenset(known))
