"""A browser without a screen, for tests; installed where a test may do that."""

from __future__ import annotations

import shutil

from tests.debian import installed


def program() -> str:
    """Where Chromium is."""
    return installed("Chromium", _found, "chromium")


def _found() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
