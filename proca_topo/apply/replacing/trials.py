"""What queues and exchanges have in common before their replacement changes anything."""

from collections.abc import Iterable, Sequence

from proca_topo.broker.permissions import remedy
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.errors import AccessError, BrokerError, ProcaTopoError
from proca_topo.plan.replacing.anew import why_not_anew
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Noun


class HinderedError(ProcaTopoError):
    """Something stands in the way of a replacement, or of finishing one, and nothing has been changed."""


def try_to_declare(broker: Broker, vhost: str, nouns: Sequence[Noun], *, what: str) -> None:
    """Raises HinderedError if RabbitMQ refuses one of them: a permission that is missing shows now. A binding that
    would become another one is not tried.
    """
    for noun in nouns:
        if isinstance(noun, Binding) and (reason := why_not_anew(noun)) is not None:
            raise HinderedError(reason)
    for failure in broker.declare(vhost, nouns, lambda _: None):
        name = f" {shown(failure.noun.name)}" if isinstance(failure.noun, Binding) else ""
        raise HinderedError(f"{what}{name} could not be declared anew: {failure.reason}")


def forget(trials: Sequence[Noun], there: Existing, broker: Broker) -> None:
    """Delete what was only tried. Raises HinderedError if that cannot be done."""
    for failure in broker.delete(there, trials, lambda _: None):
        raise HinderedError(
            f"{shown(failure.noun.name)}, which was only a trial, cannot be deleted: {failure.reason}"
        )


def check_anew(bindings: Iterable[Binding]) -> None:
    """Raises BrokerError if one of them cannot be made anew: it has come since the plan was made."""
    for binding in bindings:
        if (reason := why_not_anew(binding)) is not None:
            raise BrokerError(reason)


def check_rights(mover: Mover, vhost: str, name: str, ours: str, *, task: str) -> None:
    """Raises HinderedError if the AMQP user may not do what its `task` takes: that may be another user than the
    one who does the rest.
    """
    if lacking := mover.lacking(name, ours):
        user = mover.user or ""
        raise HinderedError(
            f"the AMQP user {shown(user)!r}, who {task}, may not {', '.join(lacking)}: {remedy(user, vhost)}"
        )


def check_name(mover: Mover, name: str, ours: str) -> None:
    """Raises HinderedError if no queue can get this name."""
    try:
        reason = mover.why_not_new(name, ours)
    except AccessError:
        return  # a user of the management API alone, of whom only the new queue itself would tell
    if reason is not None:
        raise HinderedError(reason)
