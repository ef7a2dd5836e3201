"""Dead letters: ids and what is left out."""

from __future__ import annotations

import msgspec

from schemas.dead_letters import DeadLetter, decode, encode


def test_a_place_has_one_id():
    """A replay gives the same id, another place another one."""
    kafka = [
        DeadLetter(source="p", topic="t", partition=partition, offset=offset, reason="dead", error="x")
        for partition, offset in ((0, 0), (0, 1), (1, 0))
    ]
    files = [DeadLetter(source=name, path="t", row=row, reason="dead", error="x") for name, row in (("p", 2), ("q", 0))]
    ids = [decode(encode("tidemark/prod/job", letter)).id for letter in [*kafka, *files]]
    assert len(set(ids)) == 5
    assert [decode(encode("tidemark/prod/job", letter)).id for letter in [*kafka, *files]] == ids


def test_payload_is_there_only_if_it_was_given():
    """Raw bytes may hold personal data."""
    letter = DeadLetter(source="p", topic="t", partition=0, offset=0, reason="late", error="x")
    assert "payload" not in msgspec.json.decode(encode("s", letter))["data"]
    whole = msgspec.structs.replace(letter, payload=b"\xff{", truncated=True)
    assert decode(encode("s", whole)).data == whole
