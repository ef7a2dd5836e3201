"""Dead letters on their way into the store, without a broker."""

from __future__ import annotations

from pydantic import SecretStr

from config.store import StoreAddress
from consumers.delivery import Message
from consumers.storing import Stored, Storing
from consumers.testing import FakeTopic
from schemas.dead_letters import encode
from store import Database, Reader
from tests.store.messages import drift, window
from tests.store.test_letters import letter

DAY_MS = 86_400_000


class Named(FakeTopic):
    """A topic with a name of its own."""

    def __init__(self, name, *messages):
        super().__init__(*messages)
        self._name = name

    def poll(self):
        """The next message, as it stands there."""
        return [Message(each.value, self._name, each.partition, each.offset) for each in super().poll()]


def test_dead_letters_are_counted_beside_what_is_written(tmp_path, monkeypatch):
    """Once each, however often their topic is read; what is none is counted apart."""
    letters = [encode("tidemark/prod/job", letter(number).read.data) for number in range(3)]
    given = {
        "events": [drift().body, b"?"],
        "summaries": [window().body],
        "letters": [*letters, b"[]", drift().body, None],
    }
    monkeypatch.setattr(Storing, "_topic", lambda self, stack, name, *_: (Named(name, *given[name]), {}))
    address = StoreAddress(SecretStr(f"sqlite:///{tmp_path}/a.db"), "mine", 400 * 365 * DAY_MS, 400 * 365 * DAY_MS)

    def stored():
        return Storing(
            {}, events="events", summaries="summaries", letters="letters", address=address, group="g", tell=print
        ).run(until_end=True)

    assert stored() == Stored(new=5, repeated=0, unknown=0, malformed=4)
    assert stored() == Stored(new=0, repeated=5, unknown=0, malformed=4)
    with Database(address.url.get_secret_value()) as database:
        (found,) = Reader(database).letters()
        assert (found.number, found.places[-1]) == (3, "predictions[2]@40002")
