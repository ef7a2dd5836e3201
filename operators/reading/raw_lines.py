"""Raw lines: whether one can be given to the JSON decoder, or what makes it unusable before that."""

from __future__ import annotations

import numpy as np

from operators.encoding.letters import UnusableError
from operators.jit import kernel

LIMIT = 1 << 20  # bytes a record: a batch of 10,000 of them must fit the memory; larger ones are dead letters
NESTING = 200  # objects and arrays within each other; the interpreter's own limit depends on who calls
SHORT = 2 * NESTING  # bytes; a record needs more of them to be nested deeper
QUOTE, BACKSLASH, BRACE, BRACKET, CLOSING_BRACE, CLOSING_BRACKET = b'"\\{[}]'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_plain(line: bytes) -> bool:
    """Whether a line is `usable` beyond doubt, which nearly all are.

    >>> is_plain(b'{"id": 1}'), is_plain("{'id': 'ä'}".encode()), is_plain(b"[" * 1000)
    (True, False, False)
    """
    return line.isascii() and (
        len(line) <= SHORT or (len(line) <= LIMIT and line.count(b"{") + line.count(b"[") <= NESTING)
    )


def usable(line: bytes | None) -> bytes:
    """Give back a line that may be JSON.

    Raises
    ------
    UnusableError
        It is a tombstone, too long, not UTF-8, or nested too deeply.

    Examples
    --------
    >>> usable(b"[" * 1000)
    Traceback (most recent call last):
    operators.encoding.letters.UnusableError: not JSON: nested more than 200 levels deep
    """
    wrong = None
    if line is None:
        wrong = "a tombstone: the record has no value"
    elif len(line) > LIMIT:
        wrong = f"a record of more than {LIMIT} bytes"  # how long it is is not known: topics' records come cut
    elif line.startswith(_BYTE_ORDER_MARK):
        wrong = "not JSON: begins with a byte order mark"
    elif not _is_utf8(line):
        wrong = "not UTF-8"
    elif len(line) > SHORT and _is_nested_deeper(line):
        wrong = f"not JSON: nested more than {NESTING} levels deep"
    if wrong is not None:
        raise UnusableError(wrong)
    assert line is not None
    return line


def _is_utf8(line: bytes) -> bool:
    try:
        return line.isascii() or bool(line.decode())
    except UnicodeDecodeError:
        return False


def _is_nested_deeper(line: bytes) -> bool:
    return line.count(b"{") + line.count(b"[") > NESTING and bool(
        _depth(np.frombuffer(bytearray(line), np.uint8), NESTING) > NESTING
    )


@kernel
def _depth(data, enough):  # type: ignore[no-untyped-def]
    depth = deepest = 0
    text = escaped = False
    for byte in data:
        if escaped:
            escaped = False
        elif text:
            text = byte != QUOTE
            escaped = byte == BACKSLASH
        elif byte == QUOTE:
            text = True
        elif byte == BRACE or byte == BRACKET:
            depth += 1
            deepest = max(deepest, depth)
            if depth > enough:
                break
        elif byte == CLOSING_BRACE or byte == CLOSING_BRACKET:
            depth -= 1
    return deepest
