"""A node of a cluster that dies while queues are replaced."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from proca_topo.sandbox.node import Node
from tests.brokers.fixtures import TestBroker
from tests.torture.command import REPLACE, At, Running
from tests.torture.field import Field
from tests.torture.tally import Kind, Trouble

_SECONDS: Final = 900
_TRIES: Final = 3
# The lock of a command that was connected to the killed node is free on 3.10, and on 4.x only once that is back.
_REASONS: Final = ("if the node that it is on is down", "another apply is under way")


class Meeting:
    """Where all lanes wait for each other before the node is killed, and before it is started again."""

    def __init__(self, victim: Node, parties: int) -> None:
        self._kill = threading.Barrier(parties, victim.kill)
        self._restart = threading.Barrier(parties, victim.restart)

    def kill(self) -> None:
        self._kill.wait(_SECONDS)

    def restart(self) -> None:
        self._restart.wait(_SECONDS)


@dataclass(frozen=True)
class KillMember:
    """A node of the cluster gets a SIGKILL while each lane's command waits at its boundary.

    They go on, and apply is run once more on a node that is left, before the killed one is started again. It may
    then finish the replacement or say why it cannot.
    """

    step: str
    meeting: Meeting
    connected_to: TestBroker
    left: TestBroker
    needs_it: bool
    """Whether messages are on that node alone, so that the replacement cannot go on without it."""
    after_command: bool
    """Whether the command gets a SIGKILL first."""

    def strike(self, field: Field) -> Sequence[Trouble]:
        field.turn_to(self.connected_to)
        with self._held(field) as running:
            if self.after_command:
                running.kill()
                running.end()
            self.meeting.kill()
            running.go_on()
            ended = running.end()
        field.turn_to(self.left)
        meanwhile = field.command.run(*REPLACE, "--detailed-exitcode")
        self.meeting.restart()
        said = " ".join(meanwhile.wrote.split())
        assert not self.needs_it or (meanwhile.code and any(reason in said for reason in _REASONS)), (
            f"{self}: {ended.wrote}\nthen: {meanwhile.wrote}"
        )
        return [Trouble(kind=Kind.MEMBER, where=self.step, interrupted=ended.code != 0)]

    @contextmanager
    def _held(self, field: Field) -> Iterator[Running]:
        """A command that waits at the boundary. One may have ended before, where a cluster is too busy."""
        stopped: list[str] = []
        while len(stopped) < _TRIES:
            with field.command.running(*REPLACE, at=At.HOLD, boundary=self.step) as running:
                if running.wait_for_step(self.step):
                    yield running
                    return
                stopped.append(running.end().wrote)
        raise AssertionError(f"{self}: none of {_TRIES} commands came there\n{''.join(stopped)}")

    def __str__(self) -> str:
        is_same = self.connected_to == self.left
        return f"a node is killed at {self.step}, {'not ' if is_same else ''}the one of the command"
