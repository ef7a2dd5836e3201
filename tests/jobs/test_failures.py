import pytest
from py4j.protocol import Py4JNetworkError

from jobs import failures
from jobs.failures import Failure, Faults, job_errors, root_cause
from schemas.errors import JobError

FLINK = """An error occurred while calling o77.execute.
: org.apache.flink.runtime.client.JobExecutionException: Job execution failed.
\tat org.apache.flink.runtime.jobmaster.JobResult.toJobExecutionResult(JobResult.java:144)
Caused by: org.apache.flink.runtime.JobException: Recovery is suppressed
\tat org.apache.flink.runtime.executiongraph.X.y(X.java:1)
\t... 5 more
Caused by: %s
\tat org.apache.kafka.Z.w(Z.java:2)
\t... 27 more
"""
WORKER = """java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last):
  File "worker.py", line 3, in process_element
    raise StateVersionError(message)
schemas.errors.StateVersionError: state of churn/3: format 4 is newer than this release reads (1 to 3)
"""


@pytest.mark.parametrize(
    ("innermost", "cause"),
    [
        ("org.apache.kafka.common.errors.TimeoutException: no answer", "TimeoutException: no answer"),
        ("java.lang.NullPointerException", "NullPointerException"),
        (WORKER, "StateVersionError: state of churn/3: format 4 is newer than this release reads (1 to 3)"),
    ],
)
def test_root_cause(innermost, cause):
    """Of a page of Java the innermost reason is left, of a worker's failure Python's own last line."""
    assert root_cause(FLINK % innermost) == cause


def test_without_a_chain():
    """An error that is one line is that line."""
    assert root_cause("it failed") == "it failed"


def test_dead_jvm(monkeypatch, tmp_path):
    """A connection that breaks because the JVM has ended is told by what the JVM said last."""
    monkeypatch.setattr(failures.gateway, "last_words", lambda: "java.lang.OutOfMemoryError: Java heap space")
    monkeypatch.setattr(failures.gateway, "logs", lambda: tmp_path)
    with pytest.raises(JobError) as error, job_errors("job churn"):
        raise Py4JNetworkError("Answer from Java side is empty")
    expected = f"job churn: Flink's JVM ended: java.lang.OutOfMemoryError: Java heap space; more in {tmp_path}"
    assert str(error.value) == expected


def test_our_own_errors_pass(monkeypatch):
    """An error that is not Flink's, of a file for example, stays what it is."""
    monkeypatch.setattr(failures.gateway, "last_words", lambda: None)
    with pytest.raises(FileNotFoundError), job_errors("job churn"):
        raise FileNotFoundError


BROKER = "org.apache.kafka.common.errors.TimeoutException: Topic events not present in metadata after 60000 ms."


class Failing:
    """A client, its class, its field, the cluster behind it, a job there and its last failure, all in one."""

    def __init__(self):
        self.failed = None
        self._j_job_client = self

    def __getattr__(self, name):
        return lambda *_: self

    def getFailureInfo(self):
        return None if self.failed is None else self

    def getTimestamp(self):
        return self.failed[0]

    def getExceptionAsString(self):
        return self.failed[1]


def test_failures_are_followed(monkeypatch):
    """Each is told once; what is wrong in our own functions and comes again will always, what is elsewhere may pass."""
    monkeypatch.setattr(failures, "LOOK_S", 0)
    client = Failing()
    faults = Faults(client)
    told = []
    for moment in (None, (1, BROKER), (1, BROKER), (2, BROKER), (3, WORKER), (4, BROKER), (5, WORKER)):
        client.failed = moment
        told.append(faults.look())
    outage = Failure("TimeoutException: Topic events not present in metadata after 60000 ms.", again=False)
    fault = "StateVersionError: state of churn/3: format 4 is newer than this release reads (1 to 3)"
    assert told == [None, outage, None, outage, Failure(fault, again=False), outage, Failure(fault, again=True)]
