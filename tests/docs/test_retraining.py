"""What docs/retraining.md shows works."""

from __future__ import annotations

import re
from pathlib import Path

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
