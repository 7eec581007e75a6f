"""A small vhost with a retry circuit, to be varied by the tests: (fail) -> [wait] -> (return) -> [work]."""

from collections.abc import Mapping

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, BrokerIdentity, Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.ownership import IgnoredBinding, OwnedPattern, Ownership
from proca_topo.topology.protection import ProtectedPattern, Protection

IN, FAIL, RETURN = (Exchange(name=name, type="topic") for name in ("in", "fail", "return"))
WORK = Queue(
    name="work",
    type="classic",
    arguments=Arguments.of({"x-dead-letter-exchange": "fail", "x-dead-letter-routing-key": "work"}),
)
WAIT = Queue(
    name="wait",
    type="classic",
    arguments=Arguments.of({"x-dead-letter-exchange": "return", "x-message-ttl": 1000}),
)
SOURCE = Binding(source="in", destination="work", routing_key="a.*")
FAIL_TO_WAIT = Binding(source="fail", destination="wait", routing_key="#")
WAY_BACK = Binding(source="return", destination="work", routing_key="work")
ALL_BINDINGS = (SOURCE, FAIL_TO_WAIT, WAY_BACK)


def queue(name: str, **arguments: object) -> Queue:
    """A classic queue with these arguments, written without their `x-` and with `-` or `_`."""
    table = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return Queue(name=name, type="classic", arguments=Arguments.of(table))


def bind(source: str, key: str, destination: str, to: DestinationType = DestinationType.QUEUE) -> Binding:
    """A binding without arguments."""
    return Binding(source=source, destination=destination, destination_type=to, routing_key=key)


def existing(  # one argument for each thing a test may vary
    *,
    exchanges: tuple[Exchange, ...] = (IN, FAIL, RETURN),
    queues: tuple[Queue, ...] = (WORK, WAIT),
    bindings: tuple[Binding, ...] = ALL_BINDINGS,
    policies: tuple[Policy, ...] = (),
    activity: Mapping[str, Activity] | None = None,
) -> Existing:
    return Existing(
        broker=BrokerIdentity(location="http://127.0.0.1:15672", version="3.10.8"),
        vhost="proca",
        exchanges={exchange.name: exchange for exchange in exchanges},
        queues={queue.name: queue for queue in queues},
        bindings=dict.fromkeys(bindings, ("key",)),
        policies={policy.name: policy for policy in policies},
        activity={queue.name: Activity(consumers=0) for queue in queues} | dict(activity or {}),
    )


def desired(
    *,
    exchanges: tuple[Exchange, ...] = (IN, FAIL, RETURN),
    queues: tuple[Queue, ...] = (WORK, WAIT),
    bindings: tuple[Binding, ...] = ALL_BINDINGS,
    policies: tuple[Policy, ...] = (),
    owns: tuple[str, ...] = ("in", "fail", "return", "work", "wait", "policy"),
    ignored: tuple[Binding, ...] = (),
    protect: tuple[str, ...] = (),
) -> Desired:
    return Desired(
        ownership=Ownership(
            patterns=tuple(OwnedPattern(text=name, regex=name) for name in owns),
            ignored_bindings=frozenset(
                IgnoredBinding(source=b.source, routing_key=b.routing_key) for b in ignored
            ),
        ),
        protected=Protection(
            patterns=tuple(
                ProtectedPattern(text=name, regex=name, place=f"topology.yaml:{line}:5")
                for line, name in enumerate(protect, start=4)
            )
        ),
        exchanges={exchange.name: exchange for exchange in exchanges},
        queues={queue.name: queue for queue in queues},
        bindings=frozenset(bindings),
        policies={policy.name: policy for policy in policies},
        returning=frozenset({"return"}),
    )
