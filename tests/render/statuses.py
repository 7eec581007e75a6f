"""Statuses for the tests of how they read."""

from typing import Final

from proca_topo.plan.status import CircuitStatus, ExchangeStatus, QueueStatus, ReplacementStatus, State, Status
from proca_topo.topology.exchange_holding import ReplacedExchange, UnfinishedExchange
from proca_topo.topology.existing import Activity, BrokerIdentity
from proca_topo.topology.holding import Replaced, Unfinished
from proca_topo.topology.nouns import Exchange, Queue
from tests.render.plans import BROKER, EVIL


def queue(name: str, state: State, org: str | None = None, **activity: int) -> QueueStatus:
    """A queue of which nothing else is known."""
    return QueueStatus(name=name, org=org, state=state, activity=Activity(**{"consumers": 0, **activity}))  # type: ignore[arg-type]


def replacement(
    was: str, becomes: str, *, parked: int | None, arriving: int | None, held_back: str | None = None
) -> ReplacementStatus:
    """A replacement that somebody has to finish."""
    replaced = Replaced(was=Queue(name=was, type="classic"), becomes=becomes)
    found = Unfinished(replaced=replaced, parked=parked, arriving=arriving, old_is_gone=was != becomes)
    return ReplacementStatus(org="acme", found=found, held_back=held_back)


def exchange_replacement(name: str, *, is_gone: bool, kind: str = "direct") -> ExchangeStatus:
    """A replacement of an exchange that somebody has to finish."""
    was = Exchange(name=name, type="topic")
    replaced = ReplacedExchange(was=was, becomes=Exchange(name=name, type=kind))
    return ExchangeStatus(org=None, found=UnfinishedExchange(replaced=replaced, there=None if is_gone else was))


def status_with(*queues: QueueStatus, orgs: tuple[str, ...] = ()) -> Status:
    """Queues, and nothing else."""
    return Status(broker=BROKER, vhost="proca", orgs=orgs, replacements=(), queues=queues, circuits=(), absent=())


EVERY_STATE: Final = Status(
    broker=BROKER,
    vhost="proca",
    orgs=(),
    replacements=(
        replacement("acme.news", "acme.newsletter", parked=100, arriving=20),
        replacement("acme.crm", "acme.crm", parked=None, arriving=0, held_back="1 consumer is on it: stop it"),
    ),
    queues=(
        queue("acme.moderate", State.UNATTENDED, "acme", ready=12_345),
        QueueStatus(
            name="former.crm",
            org="former",
            state=State.LEAVING,
            activity=Activity(ready=1, unacknowledged=2, consumers=1),
            waits_for="3 messages in it, 2 of them unacknowledged",
            routes=2,
        ),
        queue("former.moderate", State.LEAVING, "former"),
        queue("system.retry", State.WAITING, ready=3),
        queue("acme.retry", State.WAITING, "acme"),
        queue("system.email.confirm", State.BUSY, ready=1, unacknowledged=10, consumers=4),
        QueueStatus(name="acme.log", org="acme", state=State.IDLE, activity=Activity(counted=False)),
        queue("acme.confirm", State.IDLE, "acme", consumers=1),
    ),
    circuits=(
        CircuitStatus(
            queue="system.retry",
            org=None,
            activity=Activity(ready=3),
            delay_milliseconds=90_000,
            returns_to=("system.email.confirm", "system.email.thankyou", "system.sqs", "system.webhook"),
        ),
        CircuitStatus(
            queue="acme.retry", org="acme", activity=Activity(), delay_milliseconds=None, returns_to=("acme.crm",)
        ),
    ),
    absent=("acme.crm",),
    exchanges=(exchange_replacement("confirm", is_gone=False), exchange_replacement("deliver", is_gone=True)),
)

EVIL_STATUS: Final = Status(
    broker=BrokerIdentity(location=f"http://{EVIL}", version=EVIL, cluster_name=EVIL),
    vhost=EVIL,
    orgs=(EVIL,),
    replacements=(replacement(EVIL, f"{EVIL}2", parked=1, arriving=None, held_back=f"for {EVIL}"),),
    queues=tuple(queue(EVIL, state, EVIL, ready=1) for state in State),
    circuits=(
        CircuitStatus(queue=EVIL, org=EVIL, activity=Activity(ready=1), delay_milliseconds=1, returns_to=(EVIL,)),
    ),
    absent=(EVIL,),
    exchanges=(exchange_replacement(EVIL, is_gone=True, kind=EVIL),),
)
