from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import pytest

from dashboard.files import stored
from dashboard.findings import Findings
from store import Database, Reader, Writer
from tests.dashboard import churn as example
from tidemark.cli import main


@pytest.fixture
def shop(tmp_path):
    """An empty store: what is written to it, and findings that read it."""
    with Database(f"sqlite:///{tmp_path}/store.db") as database:
        yield Writer(database), Findings("shop", Reader(database))


@contextmanager
def dashboard(*options):
    """The command on a free port; gives its address."""
    command = [sys.executable, "-m", "tidemark", "dashboard", *map(str, options), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline()
            assert said.startswith("dashboard: http"), said + process.stderr.read()
            yield said.split()[1].rstrip("/")
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A dashboard of a store, and what writes to it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('served')}/store.db"
    with Database(url) as database, dashboard("--store", url) as address:
        yield address, Writer(database)


@pytest.fixture(scope="session")
def churn(tmp_path_factory):
    """The folder of a model that has drifted: monitors.yaml, and what a backtest said: events and summaries."""
    folder = tmp_path_factory.mktemp("churn")
    example.run(folder, main)
    return folder


@pytest.fixture(scope="module")
def churn_findings(churn):
    """Findings of it."""
    with stored([churn / "events.jsonl", churn / "summaries.jsonl"]) as database:
        yield Findings("churn-monitor", Reader(database))
