"""What Tidemark raises at users: one tree, each error saying where, what, what was expected, what to do.

TidemarkError
├── UsageError             a command was called wrongly                            exit status 2
├── ConfigurationError     the configuration has problems, all of them listed      exit status 2
├── ProfileError           a profile is missing, unreadable or does not fit        exit status 2
├── DataError              data files cannot be read                               exit status 2
├── SetupError             Java, jars, Flink or Python are not what is needed      exit status 1
├── BrokerError            Kafka does not answer, or a topic is not there          exit status 1
├── JobError               the job failed while running                            exit status 1
└── StateVersionError      state bytes of a format this release does not read      exit status 1
"""

from __future__ import annotations


class TidemarkError(Exception):
    """Anything a user can act on; the command line prints its text and ends with `exit_status`."""

    exit_status = 1


class UsageError(TidemarkError):
    """A command was called with arguments that do not fit together; see its ``--help``."""

    exit_status = 2


class ConfigurationError(TidemarkError):
    """The configuration cannot be used; correct every line that is listed and start again.

    Attributes
    ----------
    problems : tuple of str
        One line a problem: ``file:line:column: path: what is wrong (what is allowed)``.
    """

    exit_status = 2

    def __init__(self, problems: list[str] | tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ProfileError(TidemarkError):
    """A reference profile is missing, unreadable or made for other features; run ``tidemark profile``."""

    exit_status = 2


class DataError(TidemarkError):
    """A data file is missing or not in the stated format; the message names the file and the place."""

    exit_status = 2


class SetupError(TidemarkError):
    """Something that has to be installed is not, or has a version that does not work."""


class BrokerError(TidemarkError):
    """Kafka could not be reached or refused; the message says which broker and what to check."""


class JobError(TidemarkError):
    """The job ended in a failure; the message carries its root cause."""


class StateVersionError(TidemarkError):
    """State was written in a format that this release does not read; upgrade or restore older state."""
