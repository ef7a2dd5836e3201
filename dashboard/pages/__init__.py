"""Pages, by their paths."""

from dashboard.pages.fleet import fleet
from dashboard.pages.model import model
from dashboard.shown import Page

PAGES: dict[str, Page] = {"/": fleet, "/model": model}

__all__ = ["PAGES"]
