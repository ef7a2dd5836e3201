"""How many records the workers of a job have taken in, told through files.

To ask Flink for its own numbers ten times a second takes half a core. Here each operator in each worker has a file
of one number in a folder; to write it takes a microsecond.
"""

from __future__ import annotations

import os
import struct
import uuid
from pathlib import Path

_NUMBER = struct.Struct("<q")


class Progress:
    """The count of one operator in one worker.

    Parameters
    ----------
    folder : Path
        Where the counts of the job are; it must be there.
    """

    def __init__(self, folder: str | Path) -> None:
        self._file = os.open(Path(folder, uuid.uuid4().hex), os.O_WRONLY | os.O_CREAT)
        self._records = 0

    def add(self, records: int) -> None:
        """Count more."""
        self._records += records
        os.pwrite(self._file, _NUMBER.pack(self._records), 0)


def taken_in(folder: Path) -> int:
    """Add up the counts in a folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Progress(name).add(2)
    ...     Progress(name).add(3)
    ...     taken_in(Path(name))
    5
    """
    counts = (path.read_bytes() for path in folder.iterdir())
    return sum(_NUMBER.unpack(count)[0] for count in counts if len(count) == _NUMBER.size)
