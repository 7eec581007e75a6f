"""Every error that a user, a network or a broker can cause, in one tree.

An error's text says what happened, on which object, and what to do. It is printed once, by
`proca_topo.cli.main`, which also takes the process's exit code from the error's class.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PENDING = 3
    REFUSED = 4
    PARTLY_APPLIED = 5


class ProcaTopoError(Exception):
    """The root. Its text is for people; no traceback is shown for it."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class UsageError(ProcaTopoError):
    """The command line asks for something that does not exist or does not fit."""

    exit_code = ExitCode.USAGE


class SpecError(ProcaTopoError):
    """The spec is invalid: every problem found in it, one `file:line:column: …` a line."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RefusedError(ProcaTopoError):
    """Doing it could cost something. Nothing has been done."""

    exit_code = ExitCode.REFUSED


class LockedError(RefusedError):
    """Another apply is under way in this vhost. `holder` says whose and since when, if that can be seen."""

    def __init__(self, *, vhost: str, holder: str | None) -> None:
        super().__init__(f"another apply is under way in {vhost} ({holder or 'whose cannot be seen'})")
        self.holder = holder


class BrokerError(ProcaTopoError):
    """The broker, or the way to it, did not do what was asked."""


class UnreachableError(BrokerError):
    """No answer: nothing listens there, the name does not resolve, TLS fails, or it timed out."""


class OtherClusterError(BrokerError):
    """The AMQP port is of another cluster than the management API, or seems to be: it does not have the vhost."""


class NotRabbitMQError(BrokerError):
    """Something answers at that address, but it is not RabbitMQ's management API."""


class AccessError(BrokerError):
    """The broker does not let this user in (401) or not do this (403)."""


class VhostMissingError(BrokerError):
    """The vhost does not exist on the broker, whose cluster has this name (None where it is not known)."""

    def __init__(self, message: str, *, cluster_name: str | None = None) -> None:
        super().__init__(message)
        self.cluster_name = cluster_name


class InUseError(BrokerError):
    """Somebody else consumes from the queue."""


class UnroutableError(BrokerError):
    """A mandatory message came back: no queue is bound for it."""


class FileError(ProcaTopoError):
    """A file that the command line rightly names cannot be written or removed."""


class OutputError(ProcaTopoError):
    """stdout does not take the result."""


class ReaderGoneError(OutputError):
    """Whoever read stdout has had enough, as `head` has. For a result alone that is no reason to complain."""


class SandboxError(ProcaTopoError):
    """A private RabbitMQ node could not be started or run."""
