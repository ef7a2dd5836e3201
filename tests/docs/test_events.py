"""What docs/events.md says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from schemas import events
from schemas.events import (
    DriftData,
    DriftEvent,
    ProfileData,
    ProfileEvent,
    RefusedData,
    RefusedEvent,
    RetrainData,
    RetrainEvent,
    SignalEvidence,
    SliceEvidence,
    StreamData,
    StreamEvent,
)
from schemas.retraining import Answer, Trigger, Withdrawn

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def told(head):
    """Names in the first column of the table with this head."""
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize(
    ("example", "struct"),
    list(zip(EXAMPLES, [DriftEvent, StreamEvent, ProfileEvent, RefusedEvent, RetrainEvent], strict=True)),
)
def test_the_examples_are_events(example, struct):
    """And nothing in them is unknown to us."""
    event = events.decode(example.encode())
    assert type(event) is struct
    assert msgspec.json.decode(events.encode(event)) == msgspec.json.decode(example)


@pytest.mark.parametrize("example", re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL))
def test_the_slice_of_a_search(example):
    """It reads as one, and nothing in it is unknown to us."""
    found = msgspec.json.decode(example, type=SliceEvidence)
    assert msgspec.to_builtins(found) == msgspec.json.decode(example)


@pytest.mark.parametrize(
    ("head", "names"),
    [
        (
            "type",
            [
                name
                for types in (
                    events.DriftType,
                    events.StreamType,
                    events.ProfileType,
                    events.RefusedType,
                    events.RetrainType,
                )
                for name in get_args(types)
            ],
        ),
        ("field of `data`", DriftData.__struct_fields__),
        ("field of `signals[]`", SignalEvidence.__struct_fields__),
        ("field of `slices[]`", SliceEvidence.__struct_fields__),
    ],
)
def test_every_type_and_field_is_explained(head, names):
    """In the order in which they stand in an event."""
    assert told(head) == list(names)


@pytest.mark.parametrize(
    ("section", "data"),
    [("Stream", StreamData), ("Profile", ProfileData), ("Refused", RefusedData), ("Retrain", RetrainData)],
)
def test_every_field_of_another_event_is_explained(section, data):
    """In its own table, after the others."""
    rows = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    explained = [
        name
        for row in rows.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    assert explained == [field.encode_name for field in msgspec.structs.fields(data)]


def test_every_word_that_a_field_may_have_is_there():
    """Kinds, severities, roles, directions, levels, reasons."""
    values = [events.Kind, events.Severity, events.Role, events.Direction, events.Level, Trigger, Answer, Withdrawn]
    assert [word for literal in values for word in get_args(literal) if f"`{word}`" not in PAGE] == []


def test_links_lead_to_files():
    """Those inside the documentation."""
    targets = re.findall(r"\]\((?!https)([^)]+)\)", PAGE)
    assert targets
    assert [
        target for target in targets if not (Path(__file__).parents[2] / "docs" / target.partition("#")[0]).is_file()
    ] == []
