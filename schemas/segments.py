"""Segments as canonical text: ``all``, ``country=DE``, ``country=DE,device=ios``.

In names and values ``,``, ``=``, ``|`` and ``%`` are percent-quoted; all other characters stand as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

ALL = "all"  # the whole traffic of a model

_QUOTED = str.maketrans({character: f"%{ord(character):02X}" for character in ",=|%"})


def text(values: Mapping[str, str]) -> str:
    """The canonical text; fields keep their order.

    >>> text({"country": "DE", "shop": "a=b"})
    'country=DE,shop=a%3Db'
    >>> text({})
    'all'
    """
    if not values:
        return ALL
    return ",".join(f"{name.translate(_QUOTED)}={value.translate(_QUOTED)}" for name, value in values.items())


def parse(segment: str) -> dict[str, str]:
    """Fields and values of a canonical text; empty for ``all``.

    >>> parse("country=DE,shop=a%3Db")
    {'country': 'DE', 'shop': 'a=b'}
    """
    if segment == ALL:
        return {}
    pairs = (pair.partition("=") for pair in segment.split(","))
    return {unquote(name): unquote(value) for name, _, value in pairs}
