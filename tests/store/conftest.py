from __future__ import annotations

import pytest

from store import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tidemark.db"
    return request.getfixturevalue("postgres").fresh(tmp_path.name)


@pytest.fixture
def database(empty):
    """An empty store, in each kind of database."""
    with Database(empty) as found:
        yield found
