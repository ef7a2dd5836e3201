"""The database itself: reached, made ready, and what to say when it is neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, insert, inspect, make_url, select, update
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from schemas.errors import TidemarkError
from store import tables

_ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7240112)"}
BUSY_S = 30  # another writer holds an SQLite file for milliseconds; a backup of it, for longer


class StoreError(TidemarkError):
    """The database cannot be used; a person has to look at it."""


class StoreDown(StoreError):
    """The database does not answer; it may later."""


class Database:
    """A database with the tables of this release, which are made where they are not there.

    Parameters
    ----------
    url : str
        As SQLAlchemy takes it: ``sqlite:////FILE``, ``postgresql+psycopg://USER:PASSWORD@HOST/DATABASE``.
    name : str, optional
        What messages call it; by default the address without its password.

    Raises
    ------
    StoreDown
        It does not answer.
    StoreError
        It holds something else, or what a newer release has written.

    Examples
    --------
    >>> with Database("sqlite://") as database:
    ...     database.name
    'sqlite://'
    """

    def __init__(self, url: str, name: str | None = None) -> None:
        address = make_url(url)
        self.name = name or address.render_as_string(hide_password=True)
        self.dialect = address.get_backend_name()
        options: dict[str, Any] = {}
        if self.dialect == "sqlite":
            options["connect_args"] = {"timeout": BUSY_S}
            if address.database:
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        else:
            options["pool_pre_ping"] = True  # of a server that was started again, the old connections are dead
        self._engine = create_engine(address, hide_parameters=True, **options)
        if self.dialect == "sqlite":
            event.listen(self._engine, "connect", _quick)
        self._make()

    def _make(self) -> None:
        with self.begin() as connection:
            # Two that begin at the same time make the tables one after the other.
            connection.exec_driver_sql(_ALONE[self.dialect])
            there = set(inspect(connection).get_table_names())
            ours = set(tables.metadata.tables)
            if there & ours and tables.about.name not in there:
                message = (
                    f"store {self.name}: has tables of other software with names that tidemark uses "
                    f"({', '.join(sorted(there & ours))}); give the store a database of its own"
                )
                raise StoreError(message)
            tables.metadata.create_all(connection)
            found = connection.scalar(select(tables.about.c.format))
            if found is None:
                connection.execute(insert(tables.about).values(format=tables.FORMAT))
                connection.execute(insert(tables.changes).values(one=1, number=0))
            elif found < tables.FORMAT:
                _bring_up(connection)
            elif found > tables.FORMAT:
                message = (
                    f"store {self.name}: format {found} is newer than this release reads ({tables.FORMAT}); "
                    "upgrade tidemark"
                )
                raise StoreError(message)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: all of it or nothing.

        Raises
        ------
        StoreDown, StoreError
            As for the class; what was done in it is undone.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise StoreDown(self._said(error)) from error
        except DBAPIError as error:
            raise (StoreDown if error.connection_invalidated else StoreError)(self._said(error)) from error
        except SQLAlchemyError as error:
            raise StoreError(self._said(error)) from error

    def _said(self, error: SQLAlchemyError) -> str:
        cause = getattr(error, "orig", None) or error
        return f"store {self.name}: {str(cause).strip().partition(chr(10))[0]}"

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bring_up(connection: Connection) -> None:
    """Add to a store of format 1 what it lacks, the new tables being there."""
    windows = tables.summaries
    for index in windows.indexes:
        index.create(connection, checkfirst=True)
    day_ms = windows.c.end_ms - windows.c.end_ms % tables.DAY_MS
    sums = func.count(), func.sum(windows.c.count), func.sum(windows.c.exceeded), func.sum(windows.c.expected)
    added = (
        select(windows.c.source, windows.c.model, day_ms, *sums)
        .where(windows.c.about == "records")
        .group_by(windows.c.source, windows.c.model, day_ms)
    )
    connection.execute(insert(tables.days).from_select([column.name for column in tables.days.c], added))
    connection.execute(insert(tables.changes).values(one=1, number=1))
    connection.execute(update(tables.about).values(format=tables.FORMAT))


def _quick(connection: Any, _: object) -> None:
    """Readers do not wait for the writer, nor it for the disk; what is committed outlives a killed process."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
