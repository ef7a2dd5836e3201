"""Where events and summaries are kept for the dashboard and for reports, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr, WithJsonSchema

from config.scalars import Duration, text
from config.section import Section, written
from config.texts import Text

FORMS = "give 'sqlite:///FILE' or 'postgresql://USER:${PASSWORD}@HOST/DATABASE'"
SQLITE = "sqlite:///"


def _address(value: Any) -> str:
    address = text(value)
    parts = urlsplit(address)
    if parts.scheme not in ("sqlite", "postgresql"):
        msg = f"is not the address of a database; {FORMS}"
        raise ValueError(msg)
    if parts.scheme == "sqlite" and not address.removeprefix(SQLITE).strip("/"):
        msg = f"names no file; {FORMS}"
        raise ValueError(msg)
    if parts.password and not (isinstance(value, Text) and value.filled):
        msg = f"has a password in it; secrets come from the environment or a file: {FORMS}"
        raise ValueError(msg)
    return address


class Store(Section):
    """A database of what the job said; a text alone is its address."""

    short = "url"

    url: Annotated[SecretStr, BeforeValidator(_address), WithJsonSchema({"type": "string"})]
    """`sqlite:///FILE` or `postgresql://USER:${PASSWORD}@HOST/DATABASE`."""
    keep: Duration = written("400 days")
    """For how long events are kept, a year and the time to look at it; those of an open episode stay."""
    keep_summaries: Duration = written("90 days")
    """For how long summaries are kept."""


@dataclass(frozen=True)
class StoreAddress:
    """The database of a configuration; its address may hold a password and is shown by `name` only.

    Attributes
    ----------
    url : SecretStr
        As SQLAlchemy takes it; names of files are absolute.
    name : str
        What messages call it: without user and password.
    keep_ms, keep_summaries_ms : int
        For how long events and summaries are kept.
    """

    url: SecretStr
    name: str
    keep_ms: int
    keep_summaries_ms: int

    @classmethod
    def of(cls, store: Store, directory: Path) -> StoreAddress:
        """The store of a file in this folder."""
        url = store.url.get_secret_value()
        if url.startswith(SQLITE):
            url = f"{SQLITE}{directory / url.removeprefix(SQLITE)}"
            name = url
        else:
            parts = urlsplit(url)
            name = f"postgresql://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
            url = parts._replace(scheme="postgresql+psycopg").geturl()
        return cls(SecretStr(url), name, store.keep, store.keep_summaries)
