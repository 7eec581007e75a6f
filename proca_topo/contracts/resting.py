"""Where a message comes to rest, once whoever consumes has rejected it, or nobody has consumed it in time.

RabbitMQ is asked the same questions in the live test; both are to answer alike.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import assert_never

from proca_topo.contracts.verdicts import Outcome
from proca_topo.topology.names import shown
from proca_topo.topology.policies_in_force import DeadLetters
from proca_topo.topology.route_contracts import After
from proca_topo.topology.routing.built_in import WithBuiltIn
from proca_topo.topology.routing.dead_letters import Reason, dead_lettered
from proca_topo.topology.routing.matching import DEATHS, Message, is_known_type
from proca_topo.topology.routing.routes import Routes, Topology
from proca_topo.topology.routing.ways_out import WayOut, WaysOut


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """A message in a queue. `expired` are the queues it has expired in, one after the other, to come here."""

    queue: str
    message: Message
    at_once: bool
    expired: frozenset[str] = frozenset()


class Journeys:
    """A topology, ready to be asked where messages come to.

    `waiting` are queues that are known to be nobody's to consume from. One that is bound only to exchanges which
    take dead letters, and lets them expire, is another.
    """

    def __init__(self, topology: Topology, waiting: Collection[str] = ()) -> None:
        self._routes = Routes(WithBuiltIn(topology))
        self.ways_out = WaysOut(topology, self._routes, waiting)

    def outcome(self, exchange: str, message: Message, after: After | None) -> Outcome:
        """The queues in which a message is that was published here.

        | after    | what happens                                                                              |
        |----------|-------------------------------------------------------------------------------------------|
        | None     | nothing: it is looked for at once                                                         |
        | rejected | each queue that it reaches at once rejects it, once; then it goes on through queues that  |
        |          | only wait (in those it expires, also if it reaches one at once), as far as others         |
        | expired  | nobody consumes: it expires wherever messages do, and goes on as far as queues in which   |
        |          | they do not                                                                               |

        A message that would come back to a queue in which it has expired, without being rejected on the way, is
        dropped by RabbitMQ (measured on 3.10, 4.0 and 4.3).
        """
        reached = self._routes.reached(exchange, message)
        doubts = {self._unknown(name) for name in reached.unknown}
        if after is None:
            return Outcome(queues=reached.queues, doubts=frozenset(doubts))
        resting: set[str] = set()
        todo = [_Stop(queue=name, message=message, at_once=True) for name in reached.queues]
        seen = set(todo)
        while todo:
            stop = todo.pop()
            way_out = self.ways_out.of(stop.queue)
            # Bound and not declared here: it is somebody else's, whose business it is.
            expired = None if way_out is None else _leaves(way_out, stop, after, doubts)
            if way_out is None or expired is None:
                resting.add(stop.queue)
                continue
            if len(way_out.letters) > 1:
                doubts.add(_unknown_policy(stop.queue))
            for letters in way_out.letters:
                new = set(self._dead_lettered(letters, stop, exchange, expired, doubts)) - seen
                seen |= new
                todo += new
        return Outcome(queues=frozenset(resting), doubts=frozenset(doubts))

    def _dead_lettered(
        self,
        letters: DeadLetters | None,
        stop: _Stop,
        exchange: str,
        expired: frozenset[str],
        doubts: set[str],
    ) -> Iterator[_Stop]:
        if letters is None:
            return
        if not stop.message.is_dead and DEATHS in stop.message.headers:
            doubts.add(f"it is published with {DEATHS}, which RabbitMQ takes for its own or not by its version")
        reason = Reason.EXPIRED if stop.queue in expired else Reason.REJECTED
        onward = dead_lettered(stop.message, letters, reason=reason, queue=stop.queue, exchange=exchange)
        reached = self._routes.reached(letters.exchange, onward)
        doubts |= {self._unknown(name) for name in reached.unknown}
        for name in reached.queues - expired:
            yield _Stop(queue=name, message=onward, at_once=False, expired=expired)

    def _unknown(self, exchange: str) -> str:
        kind = self._routes.exchanges[exchange].type
        if is_known_type(kind):
            return f"exchange {shown(exchange)} asks for headers that RabbitMQ sets by its version"
        return f"exchange {shown(exchange)} is of a plugin's type, which decides by itself"


def _leaves(way_out: WayOut, stop: _Stop, after: After, doubts: set[str]) -> frozenset[str] | None:
    """The queues in which the message has expired one after the other once it leaves; None if it stays."""
    match after:
        case After.REJECTED if stop.at_once and not way_out.only_waits:
            return None if way_out.keeps_all else frozenset()
        case After.REJECTED if not way_out.only_waits:
            return None
        case After.REJECTED | After.EXPIRED:
            if True not in way_out.expires:
                return None
            if False in way_out.expires:
                doubts.add(_unknown_policy(stop.queue))
            return stop.expired | {stop.queue}
        case _:
            assert_never(after)


def _unknown_policy(queue: str) -> str:
    return f"which policy is in force on queue {shown(queue)} cannot be told"
