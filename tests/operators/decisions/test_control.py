"""Control files: lines in the order of their times, and what cannot be used."""

from __future__ import annotations

import pytest

from operators.decisions import control
from operators.decisions.outputs import Told
from schemas import control as messages
from schemas.control import Mute
from schemas.errors import DataError


def line(time, model="churn"):
    return messages.encode(messages.event(Mute(model=model, for_ms=1), "s", time, f"2026-01-05T{time}:00.000Z"))


def test_a_file_tells_the_policies_and_of_its_bad_lines(tmp_path):
    """With path and row; blank lines are none."""
    path = tmp_path / "control.jsonl"
    path.write_bytes(b"\n".join([line("10:05"), b"", b"{", line("10:04", "other"), line("10:03")]))
    told = list(control.told(str(path), {"churn", "fraud"}))
    assert [(one[0], one[1].id) for one in told if isinstance(one, tuple)] == [("churn", "10:03"), ("churn", "10:05")]
    assert all(isinstance(one[1], Told) for one in told if isinstance(one, tuple))
    assert [(one.source, one.row, one.error) for one in told if not isinstance(one, tuple)] == [
        ("control", 2, "control: Input data was truncated"),
        ("control", 3, "control: is about a model that is not watched (there are: churn, fraud)"),
    ]


def test_a_file_that_nobody_has_made_yet(tmp_path):
    """Nothing was told; one that cannot be read is named."""
    assert control.lines(str(tmp_path / "none.jsonl")) == []
    with pytest.raises(DataError) as raised:
        control.lines(str(tmp_path))
    assert str(raised.value) == f"control {tmp_path}: cannot be read (Is a directory)"
