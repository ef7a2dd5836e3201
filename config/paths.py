"""Names of files in a configuration: relative ones are relative to the folder of the file that says them."""

from __future__ import annotations

from glob import escape, has_magic
from pathlib import Path


def resolve(directory: Path, text: str) -> str:
    """Return the full name of a file, glob or folder; URLs and absolute names stay as they are.

    Parameters
    ----------
    directory : Path
        The folder of the configuration file.
    text : str
        What the configuration says.

    Examples
    --------
    >>> resolve(Path("/etc/tidemark"), "data/*.csv"), resolve(Path("/etc/tidemark"), "s3://bucket/x.csv")
    ('/etc/tidemark/data/*.csv', 's3://bucket/x.csv')
    """
    if "://" in text:
        return text
    folder = escape(str(directory)) if has_magic(text) else str(directory)
    return str(Path(folder) / Path(text).expanduser())
