from pathlib import Path

from jobs import jars
from tidemark import warm


def test_all_is_done(monkeypatch, capsys):
    """All commands of it succeed, both sets of jars are fetched, and the folder is the one it was."""
    fetched = []
    monkeypatch.setattr(warm, "kafka_connector", fetched.append)
    monkeypatch.setattr(warm, "kafka_broker_classpath", fetched.append)
    before = Path.cwd()
    assert warm.main() == 0
    assert (fetched, Path.cwd(), capsys.readouterr().out) == ([print, print], before, "")


def test_a_command_that_fails(monkeypatch):
    """The status of the first command that fails is the status of all."""
    monkeypatch.setattr(warm, "COMMANDS", ("schema nonsense", "backtest"))
    monkeypatch.setattr(warm, "kafka_connector", jars.pinned)
    assert warm.main() == 2
