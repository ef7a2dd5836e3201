"""Workers of another Python or Tidemark refuse to begin, with what is there and what was wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.versions import check, here
from schemas.errors import SetupError


def test_the_same() -> None:
    """Also where the last number of Python's version is another one."""
    check(here())
    check(replace(here(), python=here().python.rpartition(".")[0] + ".99"))


@pytest.mark.parametrize(("name", "other"), [("python", "3.9.1"), ("tidemark", "0.0.9")])
def test_another(name: str, other: str) -> None:
    """Both versions are named."""
    with pytest.raises(SetupError) as caught:
        check(replace(here(), **{name: other}))
    shown = {"python": "Python", "tidemark": "tidemark"}[name]
    assert str(caught.value) == (
        f"workers: have {shown} {getattr(here(), name)}, the job was submitted by {shown} {other}; "
        "install the same there, or name another interpreter with --python"
    )
