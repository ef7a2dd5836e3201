"""Flink's errors in one line: a failure comes wrapped up to ten times, with pages of places in Java."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from jobs import gateway
from schemas.errors import JobError


@contextmanager
def job_errors(what: str) -> Iterator[None]:
    """Turn whatever Flink raises inside the block into a `JobError` with its root cause.

    Parameters
    ----------
    what : str
        What failed then, as the message begins: ``job churn-monitor``.
    """
    from py4j.protocol import Py4JError
    from pyflink.util.exceptions import JavaException

    try:
        yield
    except (Py4JError, JavaException, OSError) as error:  # OSError: the connection to a JVM that has ended
        ended = gateway.last_words()
        if isinstance(error, OSError) and ended is None:
            raise
        cause = root_cause(str(error)) if ended is None else f"Flink's JVM ended: {ended}"
        message = f"{what}: {cause}; more in {gateway.logs()}"
        raise JobError(message) from error


def root_cause(text: str) -> str:
    r"""Find the innermost reason in the text of a Java error, or in the Python traceback that it carries.

    >>> root_cause("An error occurred while calling o1.get.\n: a.b.JobException: failed\n\tat a.B(B.java:1)\n"
    ...     "Caused by: java.io.IOException: no space left\n\tat c.D(D.java:2)\n\t... 3 more")
    'IOException: no space left'
    >>> root_cause("Caused by: java.lang.RuntimeException: Error received from SDK harness: Traceback (most\n"
    ...     "  File x\n    raise\nValueError: wrong\n\n\tat a.B(B.java:1)")
    'ValueError: wrong'
    """
    *_, innermost = re.split(r"^(?:Caused by|): ", text, flags=re.MULTILINE)
    reason = re.split(r"^\s+at ", innermost, maxsplit=1, flags=re.MULTILINE)[0].strip()
    lines = reason.splitlines() or [""]
    line = lines[-1] if "Traceback" in reason else lines[0]
    return re.sub(r"^(?:[a-z]\w*\.)+(?=[A-Z])", "", line)  # the package, not the name
