"""Names of files in a configuration: relative ones are relative to the folder of the file that says them."""

from __future__ import annotations

from glob import escape, has_magic
from pathlib import Path
from urllib.parse import quote

from config.plan import ModelPlan


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


def profile_path(model: ModelPlan, version: str | None) -> str | None:
    """Return where the profile of a model's version is, None if the model needs none.

    A version is any text of a record: what cannot stand in a file name is percent-quoted.
    """
    if model.reference is None:
        return None
    words = {"{model}": model.name, "{version}": version or ""}
    path = model.reference
    for word, text in words.items():
        path = path.replace(word, quote(text, safe=" +@=,"))
    return path
