from __future__ import annotations

import pytest

from store import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """An empty store, in each kind of database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/tidemark.db"
    else:
        url = request.getfixturevalue("postgres").fresh(tmp_path.name)
    with Database(url) as found:
        yield found
