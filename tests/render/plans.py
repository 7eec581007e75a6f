"""Plans and reports for the tests of how they read."""

from typing import Final

from proca_topo.apply.report import Report, Result, Status
from proca_topo.plan.changes import (
    Change,
    Declare,
    Delete,
    Difference,
    Hazard,
    HazardCode,
    Plan,
    Replace,
    Retire,
    Update,
)
from proca_topo.plan.impact.facts import Impact, Leaving, LeavingImpact, RouteImpact
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue

BROKER: Final = BrokerIdentity(location="http://localhost:15672", version="4.0.5", cluster_name="rabbit@one")
RACE: Final = Hazard(
    code=HazardCode.PUBLISH_RACE, message="what is published straight to its name in that moment is lost"
)
NEEDS_PRUNE: Final = "deletions need --prune"
# What a terminal obeys (red, clear the screen), what reorders a line, and what forges one.
EVIL: Final = "x\x1b[31m\x9b2J\u202e\u2028y"

EVERY_ACTION: Final[tuple[Change, ...]] = (
    Declare(noun=Exchange(name="confirm", type="topic")),
    Declare(noun=Exchange(name="audit", type="fanout", durable=False, internal=True)),
    Update(
        noun=Policy(name="retry-ttl", pattern=r"^system\.retry$", definition=Arguments.of({"message-ttl": 60000})),
        hazards=(Hazard(code=HazardCode.SETTINGS_CHANGE, message="takes effect at once on 1 queue"),),
        differences=(Difference(path="definition.message-ttl", before=30000, after=60000),),
    ),
    Declare(
        noun=Queue(
            name="system.retry",
            type="quorum",
            arguments=Arguments.of({"x-dead-letter-exchange": "system.retry", "x-message-ttl": 30000}),
        )
    ),
    Replace(
        noun=Queue(name="acme.crm", type="classic"),
        org="acme",
        hazards=(
            Hazard(code=HazardCode.MESSAGES_AT_STAKE, message="3 messages in it"),
            Hazard(
                code=HazardCode.REDECLARE_REFUSED,
                message="until then a client that declares it as the spec says is refused"
                " (406 PRECONDITION_FAILED)",
            ),
        ),
        held_back="RabbitMQ cannot change it in place, and deleting it would lose what is in it",
        differences=(Difference(path="arguments.x-message-ttl", before=20000, after=None),),
    ),
    Declare(
        noun=Binding(source="confirm", destination="acme.crm", routing_key="acme.custom.supporter"),
        org="acme",
    ),
    Declare(
        noun=Binding(
            source="deliver", destination="audit", destination_type=DestinationType.EXCHANGE, routing_key="#"
        )
    ),
    Delete(
        noun=Binding(source="system.retry", destination="old.crm", routing_key="old.crm"),
        org="old",
        along_with="old.crm",
        held_back=NEEDS_PRUNE,
    ),
    Delete(noun=Queue(name="old.crm", type="classic"), org="old", hazards=(RACE,), held_back=NEEDS_PRUNE),
    Delete(noun=Queue(name="old.confirm", type="classic"), org="old", hazards=(RACE,), held_back=NEEDS_PRUNE),
    Retire(
        noun=Queue(name="old.moderate", type="classic"),
        org="old",
        reason="3 messages in it",
        held_back=NEEDS_PRUNE,
    ),
)


def plan_of(*changes: Change, unchanged: int = 120, orgs: tuple[str, ...] = ()) -> Plan:
    return Plan(broker=BROKER, vhost="proca", changes=changes, unchanged=unchanged, orgs=orgs)


def evil_impact() -> Impact:
    """Every place in an impact that text from outside can get to."""
    return Impact(
        routes=(
            RouteImpact(exchange=EVIL, key=EVIL, before=(EVIL,), after=()),
            RouteImpact(exchange=EVIL, key=None, headers={EVIL: EVIL, "n": [EVIL]}, before=(), after=(EVIL,)),
        ),
        route_count=2,
        leaving=(LeavingImpact(leaving=Leaving.UNROUTED, name=EVIL, before=(EVIL,), after=(f"exchange {EVIL}",)),),
        leaving_count=1,
        unknown_type=EVIL,
    )


def evil_plan() -> Plan:
    """Every place that text from outside can get to, with what a terminal must never see."""
    queue = Queue(name=EVIL, type=EVIL, arguments=Arguments.of({EVIL: EVIL, "x-list": [EVIL]}))
    hazard = Hazard(code=HazardCode.MESSAGES_AT_STAKE, message=f"about {EVIL}")
    policy = Policy(name=EVIL, pattern=EVIL, apply_to=EVIL, definition=Arguments.of({EVIL: {EVIL: EVIL}}))
    changes: tuple[Change, ...] = (
        Declare(noun=Exchange(name=EVIL, type=EVIL), org=EVIL, hazards=(hazard,), held_back=f"for {EVIL}"),
        Declare(noun=queue, org=EVIL),
        Declare(noun=policy, hazards=(hazard,)),
        Declare(noun=Binding(source=EVIL, destination=EVIL, routing_key=EVIL, arguments=Arguments.of({EVIL: 1}))),
        Delete(noun=Binding(source=EVIL, destination=EVIL, routing_key=EVIL), impact=evil_impact()),
        Replace(noun=queue, differences=(Difference(path=f"arguments.{EVIL}", before=EVIL, after=[EVIL]),)),
        Retire(noun=Queue(name=EVIL), reason=f"since {EVIL}"),
    )
    return Plan(
        broker=BrokerIdentity(location=f"http://{EVIL}", version=EVIL, cluster_name=EVIL),
        vhost=EVIL,
        changes=changes,
        unchanged=1,
        orgs=(EVIL,),
    )


def of_orgs(count: int) -> Plan:
    """The first apply of so many orgs: seven objects each."""
    changes: list[Change] = []
    for number in range(count):
        org = f"org{number:04}"
        names = (f"{org}.confirm", f"{org}.moderate", f"{org}.crm")
        changes += [Declare(noun=Queue(name=name), org=org) for name in names]
        changes += [
            Declare(noun=Binding(source="confirm", destination=name, routing_key=f"{org}.custom"), org=org)
            for name in names
        ]
        changes.append(
            Declare(noun=Binding(source="deliver", destination="system.sqs", routing_key=f"{org}.#"), org=org)
        )
    return plan_of(*changes, unchanged=0)


def report_of(*results: Result, unchanged: int = 120, after: Plan | None = None) -> Report:
    plan = plan_of(*(result.change for result in results), unchanged=unchanged)
    return Report(plan=plan, results=results, after=after or plan_of())


def applied(*changes: Change) -> tuple[Result, ...]:
    return tuple(Result(change=change, status=Status.APPLIED) for change in changes)
