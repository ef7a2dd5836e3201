"""State of a monitor's key: what was packed is unpacked, by every later release, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from operators.monitoring.state import FORMAT, Key, pack, unpack
from schemas.errors import StateVersionError
from tests.operators.panes import RESTART, Driver, detection, timeline

KEY = Key("churn", "3", "champion", "country=DE")
STATES = Path(__file__).parents[2] / "data" / "state"
KINDS = {"o": range(10), "u": range(5, 10)}


def test_bytes_are_read_as_they_were_written():
    """Also with an open signal and alarms that are held."""
    driver = Driver(detection(detectors=None)).run(timeline("oooouuuu", KINDS))
    state = unpack(KEY, driver.state)
    assert state.watches[0].told == driver.changes[-1]
    assert state.watches[0].held
    assert pack(state) == driver.state
    assert unpack(KEY, pack(state)) == state


def test_another_format_is_refused():
    """With what it is the state of, and what to do."""
    state = Driver(detection()).run(timeline("o", KINDS)).state
    with pytest.raises(StateVersionError) as raised:
        unpack(KEY, state[:2] + (FORMAT + 1).to_bytes(2, "little") + state[4:])
    assert str(raised.value) == (
        f"state of churn/3/country=DE: format {FORMAT + 1} is not one that this release reads ({FORMAT}); "
        "upgrade tidemark or restore an older savepoint"
    )
    with pytest.raises(StateVersionError) as raised:
        unpack(KEY, b"{}" + state[2:])
    assert str(raised.value) == (
        "state of churn/3/country=DE: begins with b'{}' (must be b'TM'); restore another savepoint"
    )
    with pytest.raises(StateVersionError) as raised:
        unpack(KEY, state[:-1])
    assert str(raised.value) == (
        "state of churn/3/country=DE: cannot be read (Input data was truncated); restore another savepoint"
    )


@pytest.mark.parametrize("file", sorted(STATES.glob("monitor-*.bin")), ids=lambda file: file.stem)
def test_state_of_every_release_is_read(file):
    """A key with an open signal, half a slide and alarms held goes on as if nothing had happened.

    What was told before is told again at the end, as it was told then.

    Each file is the state's length (4 bytes, big-endian), the state, and the ring, after "oooouuuu".
    """
    data = file.read_bytes()
    length = int.from_bytes(data[:4], "big")
    driver = Driver(detection(detectors=None), state=data[4 : 4 + length], ring=data[4 + length :])
    driver.run(timeline("uuoooooooo", KINDS, start=8))
    assert driver.told == [(14, "age", "recovered", "recovered")]
    whole = Driver(detection(detectors=None)).run([*timeline("oooouuuu", KINDS), RESTART])
    whole.run(timeline("uuoooooooo", KINDS, start=8))
    last = whole.changes[-1]
    then = driver.changes[-1]
    assert structs.replace(last, evidence=then.evidence, onset_ms=then.onset_ms, level=then.level) == then
