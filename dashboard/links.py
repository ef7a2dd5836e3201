"""Addresses of pages: all that a page shows follows from its address, so links can be shared.

Names come from records and may hold slashes, so they stand in the query only.
"""

from __future__ import annotations

from urllib.parse import urlencode


def link(path: str, **query: object) -> str:
    """An address; what is None or empty is left out.

    >>> link("/model", name="a/b&c", version=None)
    '/model?name=a%2Fb%26c'
    """
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def fleet(**query: object) -> str:
    """All models; `search`, `state`, `sort`, `page`."""
    return link("/", **query)


def model(name: str, **query: object) -> str:
    """One model; `version`, `segment`, `weeks`, `signal`."""
    return link("/model", name=name, **query)


def episodes(**query: object) -> str:
    """Episodes of all models; `search`, `state`, `severity`, `kind`, `page`."""
    return link("/episodes", **query)


def episode(id: str) -> str:
    """One episode."""
    return link("/episode", id=id)


def signal(model: str, version: str, segment: str, signal: str, **query: object) -> str:
    """One signal of a segment of a model version."""
    return link("/signal", model=model, version=version, segment=segment, signal=signal, **query)


def dead_letters(**query: object) -> str:
    """What could not be used; `page`."""
    return link("/dead-letters", **query)
