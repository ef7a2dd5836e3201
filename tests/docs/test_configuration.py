import re
from pathlib import Path

import pytest

from config import load

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_every_example_is_a_configuration(text, tmp_path):
    """What the page shows can be copied."""
    (tmp_path / "c.yaml").write_text(text)
    assert load(tmp_path / "c.yaml", {"KAFKA_PASSWORD": "x"}).plan.models
