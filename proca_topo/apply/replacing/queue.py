"""One queue replaced by another: observe, decide, do a step, and again, until nothing is left to do."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from proca_topo.apply.replacing import boundary
from proca_topo.apply.replacing.changing import declare, delete
from proca_topo.apply.replacing.checks import check, check_again
from proca_topo.apply.replacing.draining import Draining
from proca_topo.apply.replacing.filling import Filling
from proca_topo.apply.replacing.holding_queue import holding_queue
from proca_topo.apply.replacing.lifeless import declare_again
from proca_topo.apply.replacing.loop import until_done
from proca_topo.apply.replacing.new_bindings import is_way_back
from proca_topo.apply.replacing.room import NoRoomError, Room
from proca_topo.apply.replacing.settling import Settling
from proca_topo.apply.replacing.steps import (
    Role,
    Routes,
    Situation,
    Step,
    is_begun,
    next_step,
    relied_on,
    routes_of,
)
from proca_topo.apply.replacing.trials import HinderedError, check_anew
from proca_topo.apply.replacing.young import Youth
from proca_topo.apply.survey import look_at
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.errors import BrokerError
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Holding, Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, Binding, Noun, Queue


@dataclass(kw_only=True)
class QueueReplacement:
    """The replacement of one queue. `index` is the vhost as it was read last; `bindings` are those to the new
    queue that the spec wants and that are not there.

    Told what to do by `next_step` alone, so that it does not matter who began it.
    """

    replaced: Replaced
    wanted: Queue
    bindings: Collection[Binding]
    index: ExistingIndex
    broker: Broker
    mover: Mover
    watch: Watcher
    disconnecting: bool
    sleep: Callable[[float], None] = time.sleep
    _caught_up: bool = field(default=False, init=False)
    _settling: Settling = field(init=False)
    _room: Room = field(init=False)
    _youth: Youth = field(init=False)

    def __post_init__(self) -> None:
        self._settling = Settling(sleep=self.sleep, is_quorum=self._was.type == QUORUM)
        self._youth = Youth(sleep=self.sleep)
        self._room = Room(
            replaced=self.replaced,
            wanted=self.wanted,
            vhost=self.existing.vhost,
            broker=self.broker,
            mover=self.mover,
            sleep=self.sleep,
        )

    def run(self) -> None:
        """Begin it or go on, to the end. Raises HinderedError if it was not begun, and BrokerError where it stops.

        Wherever it stops, it can be run again.
        """
        there = self._observe()
        if not is_begun(self._situation(there)):
            if self._was.name not in there.queues:
                raise HinderedError("it is gone by now")
            in_force = check(
                self._was,
                self.wanted,
                there,
                self.broker,
                self.mover,
                new_bindings=self.bindings,
                disconnecting=self.disconnecting,
                index=self.index,
            )
            self.replaced = self._room.replaced = replace(self.replaced, in_force=in_force)
            self._do(Step.DECLARE_PARKED, there)
            there = self._observe()
        else:
            self._check_again(there)
        until_done(there, look=self._observe, decide=lambda seen: next_step(self._situation(seen)), do=self._do)

    def _check_again(self, there: Existing) -> None:
        """Raises HinderedError if what is held could go nowhere, and BrokerError if it is endangered as it is."""
        is_gone = self._situation(there).marked
        check_again(self._was, self.mover, filling=is_gone)
        is_new = is_gone or self.wanted.name != self._was.name
        new = there.queues.get(self.wanted.name) if is_new else None
        in_old = 0 if is_gone else look_at(self.broker, self.existing.vhost, self._was.name).messages
        if (reason := self._room.why_dropped(new, in_old=in_old)) is not None:
            raise HinderedError(reason)
        if is_gone and new is None:
            try:
                self._room.check()
            except NoRoomError as error:
                raise HinderedError(str(error)) from error

    @property
    def existing(self) -> Existing:
        """The vhost as it was read last."""
        return self.index.existing

    @property
    def _draining(self) -> Draining:
        return Draining(
            old=self._was.name,
            holding=self._holding,
            room=self._room,
            existing=self.existing,
            broker=self.broker,
            mover=self.mover,
            watch=self.watch,
            disconnecting=self.disconnecting,
            sleep=self.sleep,
        )

    @property
    def _filling(self) -> Filling:
        return Filling(
            new=self.wanted.name,
            way=self._holding.back,
            room=self._room,
            mover=self.mover,
            watch=self.watch,
            sleep=self.sleep,
        )

    @property
    def _was(self) -> Queue:
        return self.replaced.was

    @property
    def _holding(self) -> Holding:
        return self.replaced.holding

    def _observe(self) -> Existing:
        holding = self._holding
        queues = {self._was.name, self.wanted.name, holding.parked, holding.arriving}
        return self.mover.observe(queues, {holding.parked, holding.back})

    def _situation(self, there: Existing) -> Situation:
        holding = self._holding
        return Situation(
            old=self._was.name in there.queues,
            new=self.wanted.name in there.queues,
            parked=holding.parked in there.queues,
            parked_exchange=holding.parked in there.exchanges,
            parked_is_bound=_private(holding.parked, holding.parked) in there.bindings,
            arriving=holding.arriving in there.queues,
            marked=holding.back in there.exchanges,
            way_back=_private(holding.back, self.wanted.name) in there.bindings,
            to_old=self._routes(there, self._was.name),
            to_arriving=self._routes(there, holding.arriving),
            to_new=self._routes(there, self.wanted.name),
            wanted=routes_of(self.bindings),
            caught_up=self._caught_up,
        )

    def _routes(self, there: Existing, queue: str) -> Routes:
        back = self._holding.back
        return routes_of(b for b in there.bindings if b.destination == queue and b.source != back)

    def _do(self, step: Step, there: Existing) -> None:  # noqa: C901, PLR0912 - a table
        boundary.reached(step.name)
        self.watch.stage(f"{shown(self.wanted.name)}: {step}", 0)
        holding = self._holding
        if (role := relied_on(step)) is not None and (queue := there.queues.get(self._name_of(role))) is not None:
            self._rely_on(queue, there)
        match step:
            case Step.DECLARE_PARKED:
                # One that is there may have another dead-letter exchange: that of the policy of its time.
                if holding.parked not in there.queues:
                    self._declare([holding_queue(holding.parked, self.replaced, self.index)])
                self._declare([self.replaced.exchange(holding.parked)])
                self._declare([_private(holding.parked, holding.parked)])
            case Step.DECLARE_ARRIVING:
                self._declare([holding_queue(holding.arriving, self.replaced, self.index)])
            case Step.BIND_ARRIVING:
                check_anew(binding for binding in there.bindings if binding.destination == self._was.name)
                self._bind(holding.arriving, self._routes(there, self._was.name))
            case Step.UNBIND_OLD:
                self._unbind(self._was.name, there)
                self._settling.begin()
            case Step.PARK:
                self._draining.park(there.queues[self._was.name], self._settling)
            case Step.MARK_OLD_GONE:
                self._declare([self.replaced.exchange(holding.back)])
            case Step.BIND_WANTED:
                self._bind_wanted()
            case Step.DECLARE_NEW:
                self._declare([self._room.to_declare()])
            case Step.OPEN_WAY_BACK:
                self._declare([_private(holding.back, self.wanted.name)])
            case Step.RETURN_PARKED:
                self._filling.move(there, holding.parked)
            case Step.CATCH_UP:
                self._filling.move_so_far(there, holding.arriving)
                self._caught_up = True
            case Step.BIND_NEW:
                self._bind(self.wanted.name, self._routes(there, holding.arriving))
            case Step.UNBIND_ARRIVING:
                self._unbind(holding.arriving, there)
                self._settling.begin()
            case Step.RETURN_ARRIVED:
                self._filling.move(there, holding.arriving, wait=self._settling.wait)
            case Step.CLOSE_WAY_BACK:
                delete(self.broker, there, [_private(holding.back, self.wanted.name)])
            case Step.DELETE_PARKED_EXCHANGE:
                delete(self.broker, there, [there.exchanges[holding.parked]])
            case Step.FORGET:
                delete(self.broker, there, [there.exchanges[holding.back]])
            case _:
                assert_never(step)

    def _rely_on(self, queue: Queue, there: Existing) -> None:
        """Wait until RabbitMQ keeps what the queue has confirmed."""
        self._youth.pass_for(queue)
        if queue.type == QUORUM and not self._youth.is_known(queue) and self.mover.is_lifeless(queue.name):
            declare_again(queue, there, self.broker, private={self._holding.parked, self._holding.back})
            self._youth.begins(queue)
            self._youth.pass_for(queue)

    def _name_of(self, role: Role) -> str:
        match role:
            case Role.PARKED:
                return self._holding.parked
            case Role.ARRIVING:
                return self._holding.arriving
            case Role.NEW:
                return self.wanted.name
            case _:
                assert_never(role)

    def _bind(self, queue: str, routes: Routes) -> None:
        self._declare(
            [
                Binding(
                    source=route.source,
                    destination=queue,
                    routing_key=route.routing_key,
                    arguments=route.arguments,
                )
                for route in sorted(routes, key=lambda r: (r.source, r.routing_key, r.arguments.canonical))
            ]
        )

    def _bind_wanted(self) -> None:
        """What RabbitMQ refuses is left to whoever declares it after the replacement, and tells of it then: nobody
        could consume until it is not refused any more. What is rejected must not be without its way back, though.
        """
        here: dict[Noun, Binding] = {replace(b, destination=self._holding.arriving): b for b in self.bindings}
        failures = self.broker.declare(self.existing.vhost, [*here], lambda _: None)
        now = self.broker.read(self.existing.vhost) if failures else self.existing
        for failure in failures:
            if is_way_back(here[failure.noun], self.wanted, now):
                raise BrokerError(f"{shown(failure.noun.name)}: {failure.reason}")
        refused = {here[failure.noun] for failure in failures}
        self.bindings = [binding for binding in self.bindings if binding not in refused]

    def _unbind(self, queue: str, there: Existing) -> None:
        """Take away the routes that were seen when the step was chosen, and no other.

        The lock is asked for before each: an unbinding that comes late, from a run that has lost it, would take a
        route from the new queue.
        """
        back = self._holding.back
        for binding in [b for b in there.bindings if b.destination == queue and b.source != back]:
            self.watch.advance(0)
            delete(self.broker, there, [binding])

    def _declare(self, nouns: Sequence[Noun]) -> None:
        declare(self.broker, self.existing.vhost, nouns)
        for noun in nouns:
            if isinstance(noun, Queue):
                self._youth.begins(noun)


def _private(exchange: str, queue: str) -> Binding:
    return Binding(source=exchange, destination=queue)
