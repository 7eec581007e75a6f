"""What is found out before a replacement changes anything, and before one that was begun goes on."""

from collections.abc import Collection
from dataclasses import replace

from proca_topo.apply.replacing.new_bindings import try_new_bindings
from proca_topo.apply.replacing.room import (
    all_policies,
    capacity_beside,
    in_force_at_first,
    policies_now,
)
from proca_topo.apply.replacing.trials import (
    HinderedError,
    check_name,
    check_rights,
    forget,
    try_to_declare,
)
from proca_topo.apply.survey import look_at
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.errors import BrokerError
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages, why_dead_letters_cannot_be_moved
from proca_topo.plan.policies.federation import why_not_replaced
from proca_topo.plan.replacing.capacity import Capacity, why_impossible, why_not_into
from proca_topo.plan.replacing.risky_policies import (
    why_holding_is_unsafe,
    why_moving_is_unsafe,
    why_retrying_is_unsafe,
)
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Holding, InForce
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, Binding, Queue


def check(
    was: Queue,
    wanted: Queue,
    there: Existing,
    broker: Broker,
    mover: Mover,
    *,
    new_bindings: Collection[Binding],
    disconnecting: bool,
    index: ExistingIndex,
) -> InForce:
    """What is in force as this replacement begins. Raises HinderedError if it would not come to its end.

    `index` is the vhost as it was read last. `there` is the queue that is to be replaced, with the bindings that
    lead to it; `new_bindings` are those that the new queue is to get besides. What it tries leaves nothing behind:
    it declares again what is there, and a queue like the new one and an exchange with its bindings, which it
    deletes.
    """
    holding = Holding.of(was.name)
    if alarms := mover.alarms():
        raise HinderedError(f"{'; '.join(alarms)}: until that is over RabbitMQ takes no messages")
    if (reason := why_holding_is_unsafe(was, all_policies(mover))) is not None:
        raise HinderedError(reason)
    if (reason := why_not_replaced(was, mover.policies())) is not None:
        raise HinderedError(reason)
    # A plan does not know the operator's policies, of which one without a limit leaves that of another as it is.
    limiting = [policy for policy in policies_now(was, mover) if "delivery-limit" in policy.definition]
    if (reason := why_retrying_is_unsafe(was, limiting, index)) is not None:
        raise HinderedError(reason)
    capacity, in_force = _check_capacity(was, wanted, there, broker, mover)
    bindings = [binding for binding in there.bindings if binding.destination == was.name]
    try_to_declare(broker, there.vhost, [there.queues[was.name]], what="it")
    try_to_declare(broker, there.vhost, bindings, what="its binding")
    _try_new_queue(wanted, holding.trial, there, broker, mover)
    check_rights(mover, there.vhost, was.name, holding.trial, task="moves the messages")
    try_new_bindings(new_bindings, holding.trial, there, broker, mover)
    if wanted.name != was.name:
        check_name(mover, wanted.name, holding.trial)
    if disconnecting:
        _check_clients(mover, was.name)
    if was.type == QUORUM:
        _check_unseen(was, capacity, there, broker, mover)
    else:
        _check_messages(was, wanted, capacity, mover)
    return in_force


def check_again(was: Queue, mover: Mover, *, filling: bool) -> None:
    """Raises BrokerError if a policy has come meanwhile that endangers what is held."""
    if (reason := why_holding_is_unsafe(was, all_policies(mover), filling=filling)) is not None:
        raise BrokerError(reason)


def _check_capacity(
    was: Queue, wanted: Queue, there: Existing, broker: Broker, mover: Mover
) -> tuple[Capacity, InForce]:
    """What a plan has asked too, of a queue and of counts that may have changed since."""
    if (reason := why_impossible(was, wanted)) is not None:
        raise HinderedError(reason)
    namesake = there.queues.get(wanted.name) if wanted.name != was.name else None
    if namesake is not None and (reason := why_not_into(namesake, wanted)) is not None:
        raise HinderedError(reason)
    capacity = capacity_beside(was, wanted, mover)
    already = look_at(broker, there.vhost, namesake.name).messages if namesake is not None else 0
    here = look_at(broker, there.vhost, was.name).messages
    if (reason := capacity.why_not_kept(here, here + already, where="in it")) is not None:
        raise HinderedError(f"{reason}: let it drain first")
    if already and capacity.size is not None:
        raise HinderedError(
            f"{shown(wanted.name)} has {messages(already)}, and its max-length-bytes might be too small for what"
            " comes besides: let it drain first"
        )
    # By the same look: what comes after it comes under what is in force.
    return capacity, in_force_at_first(was, wanted, mover, waits=bool(here))


def _check_clients(mover: Mover, queue: str) -> None:
    """RabbitMQ tells of a new consumer up to 6 s late: that none is seen does not say that there is none."""
    if mover.may_disconnect():
        return
    clients = mover.clients(queue)
    others = [client for client in clients if client.user != mover.user]
    if others:
        raise HinderedError(
            f"{others[0].text} consumes from it and cannot be disconnected without the tag 'administrator': give"
            " that to the user of this apply, or stop the client yourself"
        )
    if not clients:
        raise HinderedError(
            "whoever consumes from it by then could not be disconnected without the tag 'administrator': give that"
            " to the user of this apply, or leave --disconnect-consumers out"
        )


def _check_messages(was: Queue, wanted: Queue, capacity: Capacity, mover: Mover) -> None:
    """Look at the messages themselves, if they may be too much for the new queue or from users that we are not."""
    impersonates = mover.may_impersonate()
    if impersonates and capacity.size is None:
        return
    found = mover.inspect(was.name)
    size = sum(found.sizes_in(wanted.type))
    if (reason := capacity.why_too_small_for(size, where="in it")) is not None:
        raise HinderedError(f"{reason}: let it drain first")
    if found.unpublishable:
        raise HinderedError(
            f"{messages(found.unpublishable)} in it cannot be published again, with headers that do not fit into a"
            " frame any more: let its consumers take what is so large"
        )
    others = sorted(found.users - {mover.user})
    if others and not impersonates:
        raise HinderedError(
            f"a message in it is from the user {shown(others[0])}, whose name RabbitMQ lets no other user publish"
            " with: give the user of this apply the tag 'impersonator', or let the queue drain"
        )


def _check_unseen(was: Queue, capacity: Capacity, there: Existing, broker: Broker, mover: Mover) -> None:
    """Before 4.3 each look at the messages of a quorum queue counts as a delivery, of which it allows so many:
    what has reached that would be dropped. A user that we are not then stops the move, which loses nothing.
    """
    here = look_at(broker, there.vhost, was.name)
    if (reason := why_dead_letters_cannot_be_moved(was.name, here)) is not None:
        raise HinderedError(reason)
    # A plan does not know the operator's policies.
    if (reason := why_moving_is_unsafe(was, policies_now(was, mover), here.messages)) is not None:
        raise HinderedError(reason)
    if here.messages and capacity.size is not None:
        raise HinderedError(
            "what waits in a quorum queue cannot be measured without a risk, and its new max-length-bytes might be"
            " too small for it: let it drain first"
        )


def _try_new_queue(wanted: Queue, name: str, there: Existing, broker: Broker, mover: Mover) -> None:
    """Declare the new queue under another name: RabbitMQ refuses arguments that do not go together, and
    dead-letter exchanges that the user may not write to.
    """
    # A run that was killed here may have left one, which may have been another queue.
    forget([*mover.observe([name], []).queues.values()], there, broker)
    trial = replace(wanted, name=name)
    try_to_declare(broker, there.vhost, [trial], what="the new queue")
    forget([trial], there, broker)
