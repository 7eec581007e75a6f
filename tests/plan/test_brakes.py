"""A plan that deletes suspiciously much is refused, whoever wrote the mistake; ordinary work never is."""

from dataclasses import replace

import pytest

from proca_topo.plan.brakes import refusal, wrong_cluster
from proca_topo.plan.changes import Change, Delete, Plan, Replace, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.nouns import Binding, Exchange, Queue
from proca_topo.topology.ownership import OwnedPattern, Ownership
from tests.plan.circuit_world import desired, existing

ORG = r"(?P<org>[a-z]+)\.q\d+"
SHARED = Exchange(name="in", type="topic")


def queues(org: str, count: int) -> tuple[Queue, ...]:
    return tuple(Queue(name=f"{org}.q{number}", type="classic") for number in range(count))


def there_are(*there: Queue, bindings: tuple[Binding, ...] = ()) -> Existing:
    return existing(exchanges=(SHARED,), queues=there, bindings=bindings)


def wanted(*queues: Queue, orgs: tuple[str, ...] = (), gone: tuple[str, ...] = ()) -> Desired:
    """A spec of the whole vhost, or of single orgs, of which some have no file any more."""
    found = desired(exchanges=(SHARED,) if not orgs else (), queues=queues, bindings=())
    patterns = (OwnedPattern(text="{org}.q*", regex=ORG), OwnedPattern(text="in", regex="in"))
    scopes = [_scope(names) if names else None for names in (orgs, gone)]
    return replace(found, ownership=Ownership(patterns=patterns), scope=scopes[0], gone=scopes[1])


def _scope(orgs: tuple[str, ...]) -> Scope:
    return Scope(
        orgs=frozenset(orgs),
        name_patterns=tuple(rf"{org}\.q.*" for org in orgs),
        bindings=frozenset(to_shared(org) for org in orgs),
    )


def to_shared(org: str) -> Binding:
    return Binding(source="in", destination="in.q0", routing_key=org)


def refused(there: Existing, desired: Desired, *, allow_deletes: int | None = None) -> str | None:
    plan = make_plan(there, desired, with_prune=True)
    return refusal(plan, there, desired, allow_deletes=allow_deletes)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("x-consistent-hash", "`rabbitmq-plugins enable rabbitmq_consistent_hash_exchange` there"),
        ("x-own", "enable the plugin that brings it there"),
    ],
)
def test_a_type_of_exchange_that_the_broker_does_not_have_is_refused_with_its_plugin(
    kind: str, remedy: str
) -> None:
    hashed = tuple(Exchange(name=name, type=kind) for name in ("a", "b"))
    spec = desired(exchanges=(SHARED, *hashed), queues=(), bindings=(), owns=("in", "a", "b"))
    there = replace(there_are(), exchange_types=frozenset({"topic", "fanout"}))
    assert refused(there, spec) == (
        f"a and 1 more would be of the type {kind}, which no exchange of this broker can have: {remedy}, or mend"
        " the spec"
    )
    assert refused(replace(there, exchange_types=frozenset({"topic", kind})), spec) is None
    assert refused(replace(there, exchange_types=None), spec) is None, "a file takes all"
    was_there = replace(there, exchanges={one.name: one for one in (SHARED, *hashed)})
    assert refused(was_there, spec) is None, "nothing of it is declared"


def test_too_many_deletions_are_refused_with_the_counts_and_the_remedy() -> None:
    assert refused(there_are(*queues("acme", 12), *queues("beta", 12)), wanted(*queues("beta", 12))) == (
        "the plan deletes or replaces 12 of 25 objects that exist and are ours, more than 30 %; "
        "if that is meant, give --allow-deletes 12, otherwise mend the spec"
    )


@pytest.mark.parametrize(
    ("gone", "stay", "brakes"),
    [(9, 0, False), (10, 0, True), (10, 22, True), (10, 23, False), (300, 699, False), (300, 698, True)],
)
def test_from_ten_on_and_above_thirty_percent(gone: int, stay: int, *, brakes: bool) -> None:
    """The shared exchange is one of those that stay."""
    there = there_are(*queues("acme", gone), *queues("beta", stay))
    assert (refused(there, wanted(*queues("beta", stay))) is not None) is brakes


def test_the_flag_is_the_highest_number_accepted() -> None:
    there, spec = there_are(*queues("acme", 12)), wanted()
    assert refused(there, spec, allow_deletes=12) is None
    assert refused(there, spec, allow_deletes=11) == (
        "the plan deletes or replaces 12 of 13 objects that exist and are ours, more than the 11 accepted; "
        "if that is meant, give --allow-deletes 12, otherwise mend the spec"
    )
    few = there_are(*queues("acme", 2), *queues("beta", 50))
    assert refused(few, wanted(*queues("beta", 50)), allow_deletes=1) is not None


def test_one_org_of_three_with_few_objects_is_no_reason() -> None:
    there = there_are(*queues("acme", 9), *queues("beta", 9), *queues("zeta", 9))
    assert refused(there, wanted(*queues("beta", 9), *queues("zeta", 9))) is None


def test_only_what_would_be_done_counts() -> None:
    there = there_are(*queues("acme", 20))
    assert refusal(make_plan(there, wanted()), there, wanted()) is None, "all of it is held back"
    draining = replace(there, activity={queue: Activity(ready=1) for queue in there.queues})
    assert refused(draining, wanted()) is None


def test_an_apply_that_waits_counts_what_it_deletes_in_the_end() -> None:
    there = there_are(*queues("acme", 20))
    draining = replace(there, activity={queue: Activity(consumers=1) for queue in there.queues})
    plan = make_plan(draining, wanted(), with_prune=True)
    assert refusal(plan, draining, wanted(), waits_for_draining=True) == (
        "the plan deletes, some of it once it has drained, or replaces 20 of 21 objects that exist and are ours, "
        "more than 30 %; if that is meant, give --allow-deletes 20, otherwise mend the spec"
    )
    assert refusal(plan, draining, wanted(), waits_for_draining=True, allow_deletes=20) is None
    unpruned = make_plan(draining, wanted())
    assert refusal(unpruned, draining, wanted(), waits_for_draining=True) is None, "nothing of it is deleted"


def test_replacements_count_and_retirements_and_what_is_held_back_do_not() -> None:
    there = there_are(*queues("acme", 20))

    def verdict(*changes: Change) -> str | None:
        plan = Plan(broker=there.broker, vhost="proca", changes=changes, unchanged=0)
        return refusal(plan, there, wanted())

    assert verdict(*(Replace(noun=queue, differences=()) for queue in queues("acme", 20))) is not None
    assert verdict(*(Delete(noun=queue, held_back="why") for queue in queues("acme", 20))) is None
    assert verdict(*(Retire(noun=queue, reason="why") for queue in queues("acme", 20))) is None


def test_what_is_not_ours_does_not_make_a_share_smaller() -> None:
    theirs = tuple(Queue(name=f"theirs-{number}", type="classic") for number in range(100))
    assert refused(there_are(*queues("acme", 12), *theirs), wanted()) is not None


def test_an_org_without_a_file_that_was_asked_for_goes_without_the_flag() -> None:
    there = there_are(*queues("acme", 30), *queues("in", 1), bindings=(to_shared("acme"),))
    assert refused(there, wanted(orgs=("acme",), gone=("acme",))) is None
    assert refused(there, wanted(orgs=("acme",))) is not None, "it has a file, which is all but empty"


def test_an_org_with_a_file_is_braked_beside_one_without() -> None:
    there = there_are(*queues("acme", 30), *queues("beta", 30))
    reason = refused(there, wanted(orgs=("acme", "beta"), gone=("acme",)))
    assert reason is not None
    assert "replaces 30 of 61 objects" in reason


def test_of_one_org_the_share_is_that_of_the_whole_vhost() -> None:
    there = there_are(*queues("acme", 12), *queues("beta", 50))
    assert refused(there, wanted(orgs=("acme",))) is None


def test_an_org_whose_name_begins_like_the_gone_ones_is_not_taken_for_it() -> None:
    spec = wanted(orgs=("acm",), gone=("acm",))
    wide = replace(spec, scope=Scope(orgs=frozenset({"acm"}), name_patterns=("acm.*",)))
    assert refused(there_are(*queues("acme", 12)), wide) is not None


def test_a_spec_for_another_cluster_is_refused() -> None:
    spec = replace(wanted(), cluster="rabbit@one")
    assert wrong_cluster(spec.cluster, "rabbit@one", "http://one") is None
    assert wrong_cluster(wanted().cluster, "rabbit@two", "http://two") is None
    assert wrong_cluster(spec.cluster, "rabbit@two", "http://two") == (
        "this spec is for the cluster rabbit@one, and http://two belongs to rabbit@two; "
        "name the right broker with --broker, or mend `cluster` in topology.yaml"
    )
    unknown = wrong_cluster(spec.cluster, None, "http://two")
    assert unknown is not None
    assert "and http://two does not say to which cluster it belongs;" in unknown
