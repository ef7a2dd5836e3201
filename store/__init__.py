"""The store: what a job said, in a database; written once each, read by the dashboard and by reports."""

from store.database import Database, StoreDown, StoreError
from store.letters import Letter
from store.reading import Reader
from store.writing import Message, Writer, Written

__all__ = ["Database", "Letter", "Message", "Reader", "StoreDown", "StoreError", "Writer", "Written"]
