"""A running Flink cluster, asked over the REST address of its JobManager."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import httpx

from jobs.failures import root_cause
from schemas.errors import JobError, SetupError, UsageError

DEFAULT = "localhost:8081"  # Flink's own
FLINK = "2.3"  # that jobs are made for
ANSWER_WITHIN_S = 5.0  # a JobManager answers in milliseconds; names and tunnels take a second
ENDED = ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")  # states of a job that is over, for good or bad
SAVED_WITHIN_S = 600.0  # a savepoint of some GB takes a minute; Flink gives up after ten by itself
LOOK_S = 0.2  # between two looks at something under way


def split_address(address: str) -> tuple[str, int]:
    """Host and port of an address.

    Raises
    ------
    UsageError
        It is not one.

    Examples
    --------
    >>> split_address("flink.example.com:8081")
    ('flink.example.com', 8081)
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        message = f"--cluster: '{address}' is not HOST:PORT, the JobManager's REST address (as localhost:8081)"
        raise UsageError(message)
    return host, int(port)


class Cluster:
    """A cluster by its address.

    Parameters
    ----------
    address
        ``HOST:PORT`` of the JobManager.

    Raises
    ------
    UsageError
        The address is not one.
    """

    def __init__(self, address: str) -> None:
        split_address(address)
        self.address = address
        self._client = httpx.Client(base_url=f"http://{address}", timeout=ANSWER_WITHIN_S)

    def get(self, path: str, **query: str) -> Any:
        """What is at a path.

        Raises
        ------
        JobError
            Nobody answered, or not as Flink does.
        """
        return self._ask("GET", path, query)

    def find(self, path: str, **query: str) -> Any | None:
        """What is at a path; None where nothing is."""
        try:
            return self.get(path, **query)
        except _Refused as refused:
            if refused.status == 404:
                return None
            raise

    @property
    def flink(self) -> str:
        """Flink's version there."""
        return str(self.get("/config")["flink-version"])

    def check_version(self) -> None:
        """Whether it is one that jobs are made for.

        Raises
        ------
        SetupError
            It is another one.
        """
        found = self.flink
        if found.split(".")[:2] != FLINK.split("."):
            message = (
                f"flink {self.address}: is Flink {found} (Tidemark's jobs are for {FLINK}); "
                f"give the cluster Flink {FLINK}, as docker/ has it"
            )
            raise SetupError(message)

    def cancel(self, job: str) -> None:
        """End a job where it is; one that has ended is left alone."""
        try:
            self._ask("PATCH", f"/jobs/{job}", {"mode": "cancel"})
        except _Refused as refused:
            if refused.status not in (404, 409):
                raise
        end = time.monotonic() + SAVED_WITHIN_S
        while (self.find(f"/jobs/{job}") or {}).get("state", ENDED[0]) not in ENDED:
            _wait(end, f"flink {self.address}: job {job} did not end")

    def stop(self, job: str, where: str) -> str:
        """End a job so that nothing is lost: what is under way is committed, and its state saved.

        Parameters
        ----------
        job
            Its id.
        where
            Folder for the savepoint, a URI that the cluster's machines know.

        Returns
        -------
        str
            The savepoint.

        Raises
        ------
        JobError
            The state could not be saved. The job goes on, if it was able to.
        """
        body = {"targetDirectory": where, "drain": False, "formatType": "CANONICAL"}
        request = self._ask("POST", f"/jobs/{job}/stop", {}, body)["request-id"]
        end = time.monotonic() + SAVED_WITHIN_S
        while (answer := self.get(f"/jobs/{job}/savepoints/{request}"))["status"]["id"] != "COMPLETED":
            _wait(end, f"flink {self.address}: no savepoint of job {job}")
        operation = answer["operation"]
        if "location" in operation:
            return str(operation["location"])
        cause = root_cause(operation["failure-cause"]["stack-trace"])
        message = f"savepoint in {where}: {cause}; the job runs on, see the JobManager's log"
        raise JobError(message)

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: object = None) -> Any:
        try:
            answer = self._client.request(method, path, params=dict(query), json=body)
        except httpx.HTTPError as error:
            reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
            message = f"flink {self.address}: no JobManager answered ({reason}); is the cluster running?"
            raise JobError(message) from None
        try:
            told = answer.json() if answer.content else None
        except ValueError:
            message = f"flink {self.address}: what answered is not Flink (it sent no JSON); give the JobManager's port"
            raise JobError(message) from None
        if answer.is_error:
            raise _Refused(self.address, path, answer.status_code, told)
        return told


class _Refused(JobError):
    """Flink answered with an error; `status` is that of HTTP."""

    def __init__(self, address: str, path: str, status: int, told: Any) -> None:
        errors = told.get("errors") if isinstance(told, dict) else None
        reason = root_cause(str(errors[-1])) if errors else "no reason given"
        super().__init__(f"flink {address}: {path} was refused ({status}: {reason})")
        self.status = status


def _wait(end: float, what: str) -> None:
    if time.monotonic() > end:
        message = f"{what} within {SAVED_WITHIN_S:.0f} s"
        raise JobError(message)
    time.sleep(LOOK_S)
