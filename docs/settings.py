"""Write settings.md, all settings of the configuration, from its JSON Schema: `python docs/settings.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.schema import schema

ORDER = ("job", "kafka", "include", "sources", "sinks", "control", "models", "defaults", "groups", "actions", "store")
HEAD = """# All settings

Every key of the configuration file, made from its JSON Schema, [schemas/configuration.json](schemas/configuration.json)
(`tidemark schema configuration` prints it; editors complete and check the file by it). What they are for, with
examples, is in [the configuration file](configuration.md). A key that is *needed* has no default; *off* means that
nothing happens without it.
"""
WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
ANY = ["string", "number", "boolean"]  # what a text of YAML may look like
BINDS = "pattern"
DURATION = "^\\s*[0-9]"


class Page:
    """The page, section by section in the order in which they are met."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._sections = document["$defs"]
        self._document = document
        self._waiting: list[tuple[str, str]] = []
        self._places: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        """All of it."""
        yield HEAD
        root = self._document
        yield from self._table({key: root["properties"][key] for key in ORDER}, root["required"], "")
        while self._waiting:
            (name, place), *later = self._waiting
            self._waiting = []
            yield from self._section(name, place)
            self._waiting += later  # what a section is made of comes right after it

    def _section(self, name: str, place: str) -> Iterator[str]:
        section = self._sections[name]
        mapping = section
        for form in section.get("anyOf", ()):
            mapping = form if "properties" in form and "additionalProperties" in form else mapping
        yield f"\n## {place}\n"
        yield f"{mapping['description']}\n"
        other = [form for form in section.get("anyOf", ()) if form is not mapping]
        if shown := " or ".join(dict.fromkeys(filter(None, (self._kind(form, place) for form in other)))):
            yield f"A mapping, or {shown}.\n"
        properties = mapping["properties"]
        if name == "Group":
            properties = {"models": properties["models"]}
            yield f"Beside the keys of [a model]({self._link('Model', 'models.NAME')}):\n"
        if isinstance(mapping.get("additionalProperties"), dict):
            yield f"Any name, with {self._kind(mapping['additionalProperties'], f'{place}.NAME')}, and\n"
        yield from self._table(properties, mapping.get("required", ()), f"{place}.")

    def _table(self, properties: dict[str, Any], required: Any, place: str) -> Iterator[str]:
        yield "| key | takes | default | meaning |\n|---|---|---|---|"
        for key, value in properties.items():
            kind = self._kind(value, f"{place}{key}") or "anything"
            cells = (f"`{key}`", kind, self._default(value, key in required), value["description"])
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    def _default(self, value: dict[str, Any], needed: bool) -> str:
        default = value.get("default")
        if needed:
            return "*needed*"
        if "$ref" in value or isinstance(default, dict):
            return ""  # its own table says
        if default in (None, []):
            return "" if default is None else "*off*"
        if isinstance(default, bool):
            return f"`{str(default).lower()}`"
        return f"`[{', '.join(default)}]`" if isinstance(default, list) else f"`{default}`"

    def _kind(self, value: dict[str, Any], place: str) -> str:
        """What may be written, in words."""
        if "$ref" in value:
            name = value["$ref"].rpartition("/")[2]
            if name == "Settings":
                return f"the keys of [a model]({self._link('Model', 'models.NAME')})"
            return f"[{'mapping' if name != 'Detector' else 'detector'}]({self._link(name, place)})"
        for several in ("anyOf", "oneOf"):
            if several in value:
                kinds = (self._kind(form, place) for form in value[several])
                return " or ".join(dict.fromkeys(kind for kind in kinds if kind))
        if "enum" in value:
            return ", ".join(f"`{str(word).lower() if word is False else word}`" for word in value["enum"])
        kind = value.get("type")
        if kind == "array":
            if "prefixItems" in value:
                return "pair"
            return f"list of {self._kind(value.get('items', {}), place + '[]') or 'anything'}"
        if kind == "object":
            inner = value.get("additionalProperties")
            return (
                f"names, each with {self._kind(inner, f'{place}.NAME') or 'anything'}"
                if isinstance(inner, dict)
                else "mapping"
            )
        if kind == "null" or (BINDS in value and value[BINDS].startswith("\\$")):
            return ""  # `${NAME}` may stand everywhere
        return self._plain(value, kind)

    def _plain(self, value: dict[str, Any], kind: Any) -> str:
        if BINDS in value and value[BINDS].startswith(DURATION):
            return "duration"
        if kind == ANY or isinstance(kind, list):
            return "text" if "string" in kind else WORDS[kind[0]]
        least = value.get("minimum", value.get("exclusiveMinimum"))
        words = WORDS.get(kind or "", "")
        if least is None:
            return words
        most = f" to {value['maximum']:,}" if "maximum" in value else " and more"
        over = "over " if "exclusiveMinimum" in value else ""
        return f"{words}, {over}{least:,}{most}"

    def _link(self, name: str, place: str) -> str:
        if name not in self._places:
            self._places[name] = place
            self._waiting.append((name, place))
        kept = "".join(letter for letter in self._places[name].lower() if letter.isalnum() or letter in "-_ ")
        return f"#{kept.replace(' ', '-')}"


def page() -> str:
    """Return the page."""
    return "\n".join(Page(schema()).lines()) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "settings.md").write_text(page(), encoding="utf-8")
