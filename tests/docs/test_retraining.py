"""What docs/retraining.md shows works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.actions import ACTIONS
from config.load import load
from consumers.listening import Listening

PAGE = (Path(__file__).parents[2] / "docs" / "retraining.md").read_text()


def test_the_subscriber_and_its_test_run():
    """The first block, and then the test of it, with what a user would have behind the names."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    started, posted = [], []

    async def post(message):
        posted.append(message)

    scope = {
        "__name__": "example",
        "start_training": lambda model, idempotency_key: started.append((model, idempotency_key)),
        "post": post,
    }
    for block in blocks:
        exec(block, scope)
    assert [(model, len(key)) for model, key in started] == [("churn", 32)]
    assert posted == ["churn: no records for 10 min, the last at 2026-01-05T09:05:00.000Z"]


CONFIGURATIONS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ENVIRONMENT = dict.fromkeys(re.findall(r"\$\{(\w+)\}", PAGE), "https://hunter2hunter2")


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_the_configurations_can_be_listened_with(text, tmp_path):
    """Loaded and rehearsed; a pod's own token is there in pods only."""
    (tmp_path / "token").write_text("token")
    text = text.replace("namespace: training", f"namespace: training\n      token_file: {tmp_path / 'token'}")
    (tmp_path / "c.yaml").write_text(text)
    configuration = load(tmp_path / "c.yaml", ENVIRONMENT)
    lines = Listening(configuration, group=None, start="earliest", memory=tmp_path / "m.db").rehearse()
    assert {action for action, _, _ in lines} >= {each.name or each.kind for each in configuration.actions}
    assert "hunter2" not in str(lines)


def test_every_action_is_shown_and_explained():
    """In the table, and with a configuration."""
    table = PAGE.partition("| action |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(ACTIONS)
    assert all(re.search(rf"^    {kind}:", "".join(CONFIGURATIONS), re.MULTILINE) for kind in ACTIONS)
