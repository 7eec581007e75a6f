"""A plan is complete and true: every difference is in it, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proca_topo.plan.changes import Declare, Difference, HazardCode, Replace, Replacing, Update
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Binding, DestinationType, Policy, Queue
from tests.plan.circuit_world import ALL_BINDINGS, IN, SOURCE, WAIT, WORK, desired, existing

POLICY = Policy(name="policy", pattern="^work$", definition=Arguments.of({"max-length": 10}))


def test_what_is_as_desired_makes_an_empty_plan() -> None:
    plan = make_plan(existing(), desired(), with_prune=True)
    assert plan.changes == ()
    assert plan.unchanged == 8


def test_into_an_empty_vhost_dead_letter_bindings_are_declared_before_those_that_bring_messages() -> None:
    plan = make_plan(existing(exchanges=(), queues=(), bindings=()), desired())
    assert [change.noun.name for change in plan.changes] == [
        "fail",
        "in",
        "return",
        "wait",
        "work",
        "fail -[#]-> wait",
        "return -[work]-> work",
        "in -[a.*]-> work",
    ]


@pytest.mark.parametrize(("version", "is_held_back"), [("3.10.8", True), ("4.0.5", False)])
def test_a_binding_that_a_node_which_is_down_hides_is_not_declared(version: str, is_held_back: object) -> None:
    """Up to 3.x RabbitMQ lists the queue without its bindings then; 4.x shows them, and would take new ones."""
    there = existing(queues=(replace(WORK, type="classic"), WAIT), bindings=())
    there = replace(
        there,
        broker=replace(there.broker, version=version),
        activity={**there.activity, "work": Activity(counted=False)},
    )
    held = {c.noun.name: c.held_back for c in make_plan(there, desired()).changes}
    assert held["fail -[#]-> wait"] is None
    assert (held["in -[a.*]-> work"] is not None) is is_held_back
    if is_held_back:
        assert held["in -[a.*]-> work"] == (
            "its queue work is on a node that is down, and until that is back RabbitMQ 3.10.8 neither shows nor"
            " takes bindings of it"
        )


@pytest.mark.parametrize(
    ("vhost_default", "type_shown", "desired_type", "same"),
    [
        ("classic", "classic", None, True),
        ("quorum", "quorum", None, True),
        ("quorum", "classic", None, False),
        ("classic", "quorum", "quorum", True),
        ("classic", "classic", "quorum", False),
    ],
)
def test_a_queue_without_a_type_has_the_vhosts_default(
    vhost_default: str, type_shown: str, desired_type: str | None, same: object
) -> None:
    there = replace(existing(queues=(replace(WORK, type=type_shown), WAIT)), default_queue_type=vhost_default)
    wanted = desired(queues=(replace(WORK, type=desired_type), WAIT))
    assert (make_plan(there, wanted).changes == ()) is same


@pytest.mark.parametrize("queue", [Queue(name="work", durable=False), Queue(name="work", auto_delete=True)])
def test_transient_and_auto_delete_queues_are_classic_whatever_the_default(queue: Queue) -> None:
    there = existing(queues=(replace(queue, type="classic"), WAIT))
    plan = make_plan(replace(there, default_queue_type="quorum"), desired(queues=(queue, replace(WAIT))))
    assert plan.changes == ()


def test_numbers_are_equal_as_numbers_and_booleans_are_not_numbers() -> None:
    assert Arguments.of({"x-message-ttl": 1000.0}) == Arguments.of({"x-message-ttl": 1000})
    assert Arguments.of({"x": True}) != Arguments.of({"x": 1})
    assert Arguments.of({"x": "1"}) != Arguments.of({"x": 1})


def test_the_arguments_of_a_binding_are_part_of_its_identity() -> None:
    with_arguments = replace(SOURCE, arguments=Arguments.of({"x-match": "any"}))
    plan = make_plan(existing(), desired(bindings=(*ALL_BINDINGS, with_arguments)))
    assert [(type(c), c.noun) for c in plan.changes] == [(Declare, with_arguments)]


def test_a_known_argument_that_differs_is_a_replacement_that_says_what_clients_will_see() -> None:
    slower = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return", "x-message-ttl": 5000}))
    plan = make_plan(existing(activity={"wait": Activity(ready=7)}), desired(queues=(WORK, slower)))
    [change] = plan.changes
    assert isinstance(change, Replace)
    assert change.differences == (Difference(path="arguments.x-message-ttl", before=1000, after=5000),)
    assert [h.code for h in change.hazards] == [
        HazardCode.MESSAGES_AT_STAKE,
        HazardCode.DUPLICATES,
        HazardCode.PUBLISH_RACE,
        HazardCode.REDECLARE_REFUSED,
    ]
    assert change.held_back is not None


def test_a_queue_that_cannot_be_counted_is_not_replaced() -> None:
    """As one on a node that is down: it is neither empty nor gone."""
    there = existing(activity={"work": Activity(counted=False)})
    wanted = desired(queues=(replace(WORK, arguments=Arguments.of({"x-max-length": 5})), WAIT))
    (change,) = make_plan(there, wanted, replacing=Replacing.IDLE).changes
    assert change.held_back == (
        "RabbitMQ does not tell what is in work: if a node that it is on is down, start that first"
    )


def test_an_argument_that_rabbitmq_ignores_on_redeclare_is_still_drift() -> None:
    noted = replace(WORK, arguments=Arguments.of({**WORK.arguments.to_dict(), "x-owner": "crm"}))
    [change] = make_plan(existing(), desired(queues=(noted, WAIT))).changes
    assert isinstance(change, Replace)
    assert [h.code for h in change.hazards][-1:] == [HazardCode.REDECLARE_BLIND]
    assert change.differences == (Difference(path="arguments.x-owner", before=None, after="crm"),)


def test_an_exchange_of_another_type_is_a_replacement() -> None:
    [change] = make_plan(existing(), desired(exchanges=(replace(IN, type="fanout"), *_others()))).changes
    assert isinstance(change, Replace)
    assert change.differences == (Difference(path="type", before="topic", after="fanout"),)


def _others() -> tuple:  # type: ignore[type-arg]
    return tuple(e for e in existing().exchanges.values() if e != IN)


def test_a_policy_changes_in_place() -> None:
    there = existing(policies=(replace(POLICY, priority=5),))
    [change] = make_plan(there, desired(policies=(POLICY,))).changes
    assert isinstance(change, Update)
    assert change.held_back is None
    assert change.differences == (Difference(path="priority", before=5, after=0),)


def test_a_policy_that_would_drop_waiting_messages_is_held_back() -> None:
    there = existing(activity={"work": Activity(ready=12)})
    [change] = make_plan(there, desired(policies=(POLICY,))).changes
    assert change.held_back == (
        "max-length 10 would drop 2 of 12 messages in work; let the queue drain, or raise the limit"
    )
    assert make_plan(existing(), desired(policies=(POLICY,))).held_back == 0


@pytest.mark.parametrize("pattern", ["^.{7}$", r"\W\W", "^ünï.q{1,1}$", "^a{,1}$"])
def test_a_policy_whose_pattern_rabbitmq_may_match_with_the_bytes_of_a_name_is_held_back(pattern: str) -> None:
    queue = Queue(name="ünï.q")
    there = existing(queues=(queue,), activity={queue.name: Activity(ready=12)})
    policy = replace(POLICY, pattern=pattern)
    [change] = [
        change for change in make_plan(there, desired(policies=(policy,))).changes if change.noun == policy
    ]
    assert change.held_back is not None


def test_deleting_a_policy_is_held_back_if_the_next_one_in_force_would_drop_messages() -> None:
    wide = Policy(name="policy", pattern="work", priority=9, definition=Arguments.of({"max-length": 100}))
    theirs = replace(POLICY, name="theirs")
    there = existing(policies=(wide, theirs), activity={"work": Activity(ready=12)})
    [change] = make_plan(there, desired(), with_prune=True).changes
    assert change.noun == wide
    assert change.held_back is not None


def test_a_binding_from_an_exchange_that_nobody_has_is_held_back_with_the_remedy() -> None:
    stray = Binding(source="theirs", destination="work", routing_key="x")
    [change] = make_plan(existing(), desired(bindings=(*ALL_BINDINGS, stray))).changes
    assert change.held_back == "its exchange theirs does not exist on the broker; declare it first"


def test_a_source_that_rabbitmq_makes_itself_is_always_there() -> None:
    stock = Binding(source="amq.topic", destination="work", routing_key="x")
    assert make_plan(existing(), desired(bindings=(*ALL_BINDINGS, stock))).held_back == 0


names = st.sampled_from(["in", "fail", "return", "work", "wait"])
bindings = st.frozensets(
    st.builds(
        Binding,
        source=st.sampled_from(["in", "fail", "return"]),
        destination=st.sampled_from(["work", "wait"]),
        destination_type=st.just(DestinationType.QUEUE),
        routing_key=st.sampled_from(["", "a", "#"]),
    )
)


@given(there=bindings, wanted=bindings)
def test_every_binding_that_differs_is_in_the_plan_once(
    there: frozenset[Binding], wanted: frozenset[Binding]
) -> None:
    plan = make_plan(existing(bindings=tuple(there)), desired(bindings=tuple(wanted)), with_prune=True)
    changed = [change.noun for change in plan.changes if isinstance(change.noun, Binding)]
    assert len(changed) == len(set(changed))
    assert set(changed) == there ^ wanted


def test_the_existing_side_is_never_changed() -> None:
    there: Existing = existing()
    make_plan(there, desired(queues=()), with_prune=True)
    assert there == existing()
