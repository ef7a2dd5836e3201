import sys
import time

from tidemark import progress as module
from tidemark.progress import progress


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    """Without a terminal a line comes every ten seconds, on stderr."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with progress("records", 5_000) as advance:
        advance(1_000)
        now[0] += module.EVERY_S
        advance(1_000)
        advance(1_000)
    with progress("records", None) as advance:
        now[0] += module.EVERY_S
        advance(1_000)
    assert capsys.readouterr() == ("", "2,000 of 5,000 records\n1,000 records\n")


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    """On a terminal there is a bar, which leaves nothing behind on stdout."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("records", 10) as advance:
        advance(10)
    assert capsys.readouterr().out == ""
