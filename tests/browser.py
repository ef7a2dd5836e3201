"""A browser without a screen, for tests; installed where a test may do that."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def program() -> str:
    """Where Chromium is."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *command], check=True, capture_output=True, env=quiet)
        found = _found()
    if found is None:
        pytest.skip("there is no Chromium, and no way to install it without being root on a Debian")
    return found


def _found() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
