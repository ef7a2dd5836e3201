"""Flink's errors in one line: a failure comes wrapped up to ten times, with pages of places in Java."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jobs import gateway
from schemas.errors import JobError

LOOK_S = 1.0  # between two looks at a job, each of which copies its graph
TRACEBACK = "Traceback"  # in the text of what failed in Python


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


@dataclass(frozen=True)
class Failure:
    """A failure that Flink restarts a job after.

    Attributes
    ----------
    again : bool
        Whether it is the second of the same cause in our own functions: another attempt will end the same way. What
        has other reasons, as a broker that is away, passes.
    """

    cause: str
    again: bool


class Faults:
    """Follows the failures of a job on the cluster in this process.

    Parameters
    ----------
    client : JobClient
        What ``execute_async`` gave.
    """

    def __init__(self, client: Any) -> None:
        self._client = client._j_job_client
        # No public way leads there: the client tells of the last failure only, when it has given up.
        field = self._client.getClass().getDeclaredField("miniCluster")
        field.setAccessible(True)
        self._cluster = field.get(self._client)
        self._looked_s = self._failed_ms = 0.0
        self._seen: set[str] = set()

    def look(self) -> Failure | None:
        """Give the failure since the last look, if there was one."""
        from py4j.protocol import Py4JJavaError

        if time.monotonic() < self._looked_s + LOOK_S:
            return None
        self._looked_s = time.monotonic()
        try:
            last = self._cluster.getExecutionGraph(self._client.getJobID()).get().getFailureInfo()
        except Py4JJavaError:
            return None  # the job is not there yet, or no more: its result says why
        if last is None or last.getTimestamp() == self._failed_ms:
            return None
        self._failed_ms = last.getTimestamp()
        text = str(last.getExceptionAsString())
        cause = root_cause(text)
        again = cause in self._seen
        if TRACEBACK in text:
            self._seen.add(cause)
        return Failure(cause, again)


WORKERS = (  # what an interpreter of the workers that will not do comes to, and what to do
    ("Cannot run program", "the cluster's machines have no such interpreter; name theirs with --python"),
    ("No module named", "the workers' interpreter lacks it; install tidemark[flink] there"),
    (" code() ", "the workers' Python is of another version than that which submitted the job; see --python"),
    (" code expected", "the workers' Python is of another version than that which submitted the job; see --python"),
)


def explained(text: str) -> str:
    """Give the innermost reason, and what to do where the workers' interpreter is at fault.

    >>> explained("ModuleNotFoundError: No module named 'jobs'")
    "ModuleNotFoundError: No module named 'jobs' (the workers' interpreter lacks it; install tidemark[flink] there)"
    """
    cause = root_cause(text)
    hint = next((hint for sign, hint in WORKERS if sign in text), None)
    return cause if hint is None else f"{cause} ({hint})"


def lasts(reason: str) -> bool:
    """Whether a reason, as of `explained`, is the interpreter's fault: another attempt will end the same way.

    >>> lasts(explained("ModuleNotFoundError: No module named 'jobs'")), lasts("IOException: no space left")
    (True, False)
    """
    return reason.endswith(tuple(f"({hint})" for _, hint in WORKERS))


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
    line = lines[-1] if TRACEBACK in reason else lines[0]
    return re.sub(r"^(?:[a-z]\w*\.)+(?=[A-Z])", "", line)  # the package, not the name
