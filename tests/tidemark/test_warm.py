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


def test_a_command_that_fails(monkeypatch, capsys):
    """The status of the first command that fails is the status of all, and what it says is told."""
    monkeypatch.setattr(warm, "COMMANDS", ("validate nowhere.yaml", "backtest"))
    monkeypatch.setattr(warm, "kafka_connector", jars.pinned)
    assert warm.main() == 2
    assert capsys.readouterr().err.startswith("nowhere.yaml:1:1: no such file")
