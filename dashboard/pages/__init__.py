"""Pages, by their paths."""

from dashboard.pages.dead_letters import dead_letters
from dashboard.pages.episode import episode
from dashboard.pages.episodes import episodes
from dashboard.pages.fleet import fleet
from dashboard.pages.model import model
from dashboard.pages.signal import signal
from dashboard.shown import Page

PAGES: dict[str, Page] = {
    "/": fleet,
    "/model": model,
    "/episodes": episodes,
    "/episode": episode,
    "/signal": signal,
    "/dead-letters": dead_letters,
}

__all__ = ["PAGES"]
