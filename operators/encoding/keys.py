"""Keys of what decode gives out: one text each, its pieces percent-quoted, what kind it is first.

- ``m|MODEL|VERSION|ROLE|SEGMENT``   a chunk of records (chunks.py), for the window of its pane; with `expect` in the
  place of the segment what does not keep to the rules (rules.py)
- ``j|MODEL|BUCKET``                predictions or labels of a range of ids (join_chunks.py), for the window of its pane
- ``p|MODEL|VERSION|ROLE|SEGMENT``   predictions with their labels (join_rows.py), from the join, or from decode for
  the window of their pane
- ``a|MODEL|VERSION|ROLE|all``       how many predictions came, and how long labels took (label_facts.py), from the join
- ``d|SOURCE``                       a dead letter, at once
- ``c|SOURCE``                       a `Batch`, at once
- ``l|SOURCE``                       `LabelCounts` of a source of labels, at once
"""

from __future__ import annotations

from urllib.parse import quote, unquote

MONITOR, JOIN, PERFORMANCE, LABELLED, LETTER, COUNTS, LABELS = "m", "j", "p", "a", "d", "c", "l"


def monitor_key(model: str, version: str, role: str, segment: str) -> str:
    """The key under which a monitor keeps its state.

    >>> monitor_key("a|b", "1.0", "champion", "country=DE")
    'm|a%7Cb|1.0|champion|country=DE'
    """
    return "|".join([MONITOR, *(quote(piece, safe="") for piece in (model, version, role)), segment])


def split_key(key: str) -> tuple[str, str, str, str]:
    """Model, version, role and segment of a monitor's key.

    >>> split_key("m|a%7Cb|1.0|champion|country=DE")
    ('a|b', '1.0', 'champion', 'country=DE')
    """
    _, model, version, role, segment = key.split("|", 4)
    return unquote(model), unquote(version), unquote(role), segment


def join_key(model: str, bucket: int) -> str:
    """The key under which the predictions of a range of ids wait for their labels.

    >>> join_key("a|b", 3)
    'j|a%7Cb|3'
    """
    return f"{JOIN}|{quote(model, safe='')}|{bucket}"


def performance_key(model: str, owner: str, segment: str, kind: str = PERFORMANCE) -> str:
    """The key under which performance is kept; the owner is a version and a role, as `owner` writes them.

    >>> performance_key("a|b", owner("1.0", "champion"), "country=DE")
    'p|a%7Cb|1.0|champion|country=DE'
    """
    return f"{kind}|{quote(model, safe='')}|{owner}|{segment}"


def owner(version: str, role: str) -> str:
    """A version and a role as one text.

    >>> owner("1|0", "shadow")
    '1%7C0|shadow'
    """
    return f"{quote(version, safe='')}|{quote(role, safe='')}"


def joined_model(key: str) -> str:
    """Name of the model in a key of `join_key`.

    >>> joined_model("j|a%7Cb|3")
    'a|b'
    """
    return unquote(key.split("|")[1])


def source_key(kind: str, source: str) -> str:
    """The key of a source's letters or counts.

    >>> source_key(LETTER, "a b")
    'd|a%20b'
    """
    return f"{kind}|{quote(source, safe='')}"


def source_of(key: str) -> str:
    """Name of the source in a key of `source_key`.

    >>> source_of("d|a%20b")
    'a b'
    """
    return unquote(key.partition("|")[2])
