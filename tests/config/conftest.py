from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from config import Configuration, load
from schemas.errors import ConfigurationError

Problems = Callable[..., list[str]]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Configuration]:
    """Load a text as `c.yaml`, from the folder it is in."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str, environment: Mapping[str, str] | None = None) -> Configuration:
        (tmp_path / "c.yaml").write_text(text)
        return load("c.yaml", environment or {})

    return load_text


@pytest.fixture
def problems(loaded: Callable[..., Configuration]) -> Problems:
    """The lines about a text that is no right configuration."""

    def problems_of(text: str, environment: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            loaded(text, environment)
        assert caught.value.exit_status == 2
        assert str(caught.value) == "\n".join(caught.value.problems)
        return list(caught.value.problems)

    return problems_of
