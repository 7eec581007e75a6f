"""examples/pipes-3.4 is what Pipes in Proca server 3.4 declares, name for name."""

from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Exchange, Kind, Policy, Queue
from tests.spec.nouns import ROOT, bound, by_name, exchange, queue, retried

DIRECTORY = ROOT / "examples" / "pipes-3.4"
DESIRED = load_desired(read_topology(DIRECTORY))


def _exchanges(n: int) -> tuple[Exchange, ...]:
    return (
        exchange(f"org.{n}.confirm.supporter"),
        exchange(f"org.{n}.confirm.action"),
        exchange(f"org.{n}.deliver"),
        exchange(f"org.{n}.event"),
        exchange(f"org.{n}.fail", "fanout"),
        exchange(f"org.{n}.retry", "direct"),
    )


def _retried(n: int, name: str) -> Queue:
    return retried(name, f"org.{n}.fail")


def test_six_durable_exchanges_for_each_org() -> None:
    assert DESIRED.exchanges == by_name(*_exchanges(1), *_exchanges(42), *_exchanges(7), *_exchanges(3))


def test_a_queue_is_there_if_one_of_its_options_is_on() -> None:
    assert DESIRED.queues == by_name(
        queue("system.deliver"),
        queue("org.1.fail", {"x-dead-letter-exchange": "org.1.retry"}),
        queue("org.42.fail", {"x-dead-letter-exchange": "org.42.retry"}),
        queue("org.7.fail", {"x-dead-letter-exchange": "org.7.retry"}),
        queue("org.3.fail", {"x-dead-letter-exchange": "org.3.retry"}),
        _retried(1, "wrk.1.email.supporter"),
        _retried(1, "cus.1.deliver"),
        _retried(42, "wrk.42.sqs"),
        _retried(42, "wrk.42.webhook"),
        _retried(3, "wrk.3.sqs"),
        _retried(3, "cus.3.confirm.supporter"),
        _retried(3, "cus.3.confirm.action"),
        _retried(3, "cus.3.deliver"),
    )


def test_an_option_that_is_off_unbinds_its_source_but_not_the_way_back() -> None:
    assert DESIRED.bindings == {
        bound("org.1.event", "system.*", "system.deliver"),
        bound("org.42.event", "system.*", "system.deliver"),
        bound("org.7.event", "system.*", "system.deliver"),
        bound("org.3.event", "system.*", "system.deliver"),
        bound("org.1.fail", "", "org.1.fail"),
        bound("org.42.fail", "", "org.42.fail"),
        bound("org.7.fail", "", "org.7.fail"),
        bound("org.1.confirm.supporter", "#", "wrk.1.email.supporter"),
        bound("org.1.deliver", "#", "wrk.1.email.supporter"),
        bound("org.1.retry", "wrk.1.email.supporter", "wrk.1.email.supporter"),
        bound("org.1.deliver", "#", "cus.1.deliver"),
        bound("org.1.retry", "cus.1.deliver", "cus.1.deliver"),
        bound("org.42.deliver", "#", "wrk.42.sqs"),
        bound("org.42.retry", "wrk.42.sqs", "wrk.42.sqs"),
        bound("org.42.deliver", "#", "wrk.42.webhook"),
        bound("org.42.event", "#", "wrk.42.webhook"),
        bound("org.42.retry", "wrk.42.webhook", "wrk.42.webhook"),
        bound("org.3.fail", "", "org.3.fail"),
        bound("org.3.event", "#", "wrk.3.sqs"),
        bound("org.3.retry", "wrk.3.sqs", "wrk.3.sqs"),
        bound("org.3.confirm.supporter", "#", "cus.3.confirm.supporter"),
        bound("org.3.retry", "cus.3.confirm.supporter", "cus.3.confirm.supporter"),
        bound("org.3.confirm.action", "#", "cus.3.confirm.action"),
        bound("org.3.retry", "cus.3.confirm.action", "cus.3.confirm.action"),
        bound("org.3.event", "#", "cus.3.deliver"),
        bound("org.3.retry", "cus.3.deliver", "cus.3.deliver"),
    }


def test_one_policy_sets_the_delay_of_all_orgs() -> None:
    assert DESIRED.policies == by_name(
        Policy(
            name="org.retry.delay",
            pattern=r"^org\.[0-9]+\.fail$",
            apply_to="queues",
            definition=Arguments.of({"message-ttl": 30000}),
        )
    )
    assert DESIRED.orgs[Kind.POLICY] == {}


def test_the_number_in_a_name_tells_the_org() -> None:
    assert DESIRED.ownership.org_in("wrk.42.sqs") == "greenfield"
    assert DESIRED.ownership.org_in("wrk.99.sqs") is None
    assert DESIRED.ownership.owns_name("wrk.99.sqs"), "it belonged to an org whose file has gone"


def test_one_org_has_all_its_possible_objects_in_scope_and_not_the_policy() -> None:
    desired = load_desired(read_topology(DIRECTORY), orgs=["tiny_ngo"])
    scope = desired.scope
    assert desired.exchanges == by_name(*_exchanges(7))
    assert desired.queues == by_name(queue("org.7.fail", {"x-dead-letter-exchange": "org.7.retry"}))
    assert desired.policies == {}
    assert scope is not None
    queues = {
        "org.7.fail",
        "wrk.7.email.supporter",
        "wrk.7.sqs",
        "wrk.7.webhook",
        "cus.7.confirm.supporter",
        "cus.7.confirm.action",
        "cus.7.deliver",
    }
    exchanges = {one.name for one in _exchanges(7)}
    assert scope.queues == queues | exchanges
    assert scope.exchanges == queues | exchanges
    assert len(scope.bindings) == 1 + 1 + 10 + 6
    assert scope.name_patterns == ()
    assert scope.reference_exchanges == frozenset()
    assert scope.reference_queues == {"system.deliver"}
