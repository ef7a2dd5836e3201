"""Whose record it is: its model, version and role, by the record, its source and the configuration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import get_args

from config.plan import SourcePlan
from operators.encoding.letters import UnusableError
from operators.profiles.references import UNVERSIONED, References
from operators.reading.records import Identity
from operators.reading.values import Gap, category
from schemas.events import Role

ROLES = get_args(Role)
LIMIT = 200  # characters of a version; it stands in keys, states and events
Named = tuple[object, object, object]
_REMEMBERED = 10_000  # names come from the stream: a hostile one must not fill the memory


class Identities:
    """Tells models, versions and roles of a source's records."""

    def __init__(self, references: References, source: SourcePlan) -> None:
        self._references = references
        self._source = source
        self._dead_letter = references.plan.on_unknown_model == "dead_letter"
        self._known: dict[Named, Identity | UnusableError | None] = {}

    def groups(
        self, rows: Sequence[int], named: Sequence[Named], dead: dict[int, str]
    ) -> tuple[dict[Identity, list[int]], list[int]]:
        """Sort records by whose they are.

        Parameters
        ----------
        rows
            Positions of the records, in order.
        named
            Model, version and role that each of them names; `Gap.INVALID` for what is no name.
        dead
            Gets an entry for each record that is nobody's.

        Returns
        -------
        groups
            Positions of each model's, version's and role's records.
        ignored : list of int
            Positions of those that the configuration passes over.
        """
        whose = {names: self._whose(names) for names in set(named)}
        if len(whose) == 1:
            return self.group(rows, named[0], dead)
        groups: dict[Identity, list[int]] = {}
        ignored: list[int] = []
        for row, names in zip(rows, named, strict=True):
            found = whose[names]
            if found is None:
                ignored.append(row)
            elif isinstance(found, UnusableError):
                dead[row] = str(found)
            else:
                groups.setdefault(found, []).append(row)
        return groups, ignored

    def group(
        self, rows: Sequence[int], names: Named, dead: dict[int, str]
    ) -> tuple[dict[Identity, list[int]], list[int]]:
        """Do what `groups` does for records that all name the same."""
        found = self._whose(names)
        if isinstance(found, UnusableError):
            dead.update(dict.fromkeys(rows, str(found)))
            return {}, []
        return ({}, list(rows)) if found is None else ({found: list(rows)}, [])

    def _whose(self, names: Named) -> Identity | UnusableError | None:
        if names in self._known:
            return self._known[names]
        found: Identity | UnusableError | None
        try:
            found = self._find(*names)
        except UnusableError as error:
            found = error
        if all(len(name) <= LIMIT for name in names if isinstance(name, str)):
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[names] = found
        return found

    def _find(self, model: object, version: object, role: object) -> Identity | None:
        fields = self._source.fields
        model = self._source.model or self._name("model", model)
        if model is None:
            message = f"'model': the record names none at {fields.model} (neither does the source)"
            raise UnusableError(message)
        if model not in self._references.models:
            if self._dead_letter:
                message = f"'model': not one of the configuration's models at {fields.model}"
                raise UnusableError(message)
            return None
        version = self._source.version or self._name("version", version)
        version = UNVERSIONED if version is None else version
        if len(version) > LIMIT:
            message = f"'version': longer than {LIMIT} characters at {fields.version}"
            raise UnusableError(message)
        role = self._name("role", role)
        if role is None:
            role = self._references.role(model, version)
        elif role not in ROLES:
            message = f"'role': expected {_listed(ROLES)} at {fields.role}"
            raise UnusableError(message)
        return (model, version, role) if self._references.find(model, version) is not None else None

    def _name(self, field: str, value: object) -> str | None:
        name = category(value) if not isinstance(value, Gap) else value
        if name is Gap.MISSING:
            return None
        if isinstance(name, Gap):
            message = f"'{field}': expected a text at {getattr(self._source.fields, field)}"
            raise UnusableError(message)
        return name


def _listed(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}"
