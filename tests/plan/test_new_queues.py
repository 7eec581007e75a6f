"""A queue that is new is not bound before the policies that it lives by are set."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import pytest

from proca_topo.apply.declaring import declare
from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.apply.watch import SILENT
from proca_topo.broker.protocol import Broker, Failure
from proca_topo.plan.changes import Declare, Replacing
from proca_topo.plan.impact.afterwards import Vhost
from proca_topo.plan.planner import make_plan
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Exchange, Noun
from tests.plan.circuit_world import bind, desired, existing, queue
from tests.plan.test_redirecting import BINDINGS2, TO_SECOND, before, policy, wanted

NEW = queue("new")
TO_NEW = bind("in", "b", "new")


def test_what_is_to_be_under_a_policy_that_has_to_wait_is_not_bound_before() -> None:
    both = replace(TO_SECOND, pattern="^(work|new)$")
    there = before()
    down = replace(there, activity={**there.activity, "work": Activity(counted=False)})
    held_back = {
        one.noun: one.held_back for one in make_plan(down, wanted(both, queues=(NEW,), more=(TO_NEW,))).changes
    }
    assert held_back[both] is not None
    assert held_back[TO_NEW] == "its queue new lives by the policy p, which is held back"
    assert held_back[NEW] is None


@pytest.mark.parametrize(
    ("definition", "is_held_back"),
    [({"message_ttl": 5}, True), ({"dead_letter_exchange": "fail1"}, True), ({}, False)],
)
def test_a_policy_that_is_held_back_for_what_it_drops_counts_if_it_is_for_what_leaves_the_queue(
    definition: dict[str, Any], *, is_held_back: bool
) -> None:
    limit = policy("p", "^(work|new)$", max_length=1, **definition)
    there = before()
    full = replace(there, activity={**there.activity, "work": Activity(ready=5)})
    held_back = {
        one.noun: one.held_back for one in make_plan(full, wanted(limit, queues=(NEW,), more=(TO_NEW,))).changes
    }
    assert held_back[limit] is not None
    assert (held_back[TO_NEW] is not None) is is_held_back


@pytest.mark.parametrize(("key", "stays"), [("b", True), ("#", True), ("c", False)])
def test_what_the_new_binding_takes_over_from_is_not_pruned_until_then(key: str, *, stays: bool) -> None:
    both = replace(TO_SECOND, pattern="^(work|new)$")
    old = queue("old1")
    there = before(queues=(old,))
    to_old = bind("in", key, "old1")
    there = replace(there, bindings={**there.bindings, to_old: ("key",)})
    down = replace(there, activity={**there.activity, "work": Activity(counted=False)})
    plan = make_plan(down, wanted(both, queues=(NEW,), more=(TO_NEW,)), with_prune=True)
    held_back = {one.noun: one.held_back for one in plan.changes}
    reason = "in -[b]-> new may take over from it and is held back: that goes first"
    assert (held_back[to_old], held_back[old]) == ((reason, reason) if stays else (None, None))


def test_apply_binds_no_new_queue_whose_policy_was_refused() -> None:
    limits = policy("p", "^new$", dead_letter_exchange="fail1")
    there = before()
    plan = make_plan(there, wanted(limits, queues=(NEW,), more=(TO_NEW,)))
    broker = Refusing(there, {limits})
    ledger = Ledger(plan)
    declare(plan, there, cast("Broker", broker), ledger, SILENT, read=lambda: broker.now)
    assert ledger.status(limits) is Status.FAILED
    assert ledger.status(NEW) is Status.APPLIED
    assert ledger.status(TO_NEW) is Status.NOT_TRIED
    assert TO_NEW not in broker.now.bindings
    assert ledger.status(BINDINGS2[0]) is Status.APPLIED


class Refusing:
    """A broker that refuses these objects."""

    def __init__(self, there: Existing, refused: Collection[Noun]) -> None:
        self.now = there
        self.refused = refused

    def declare(self, _: str, nouns: Sequence[Noun], _progress: object) -> Sequence[Failure]:
        changes = [Declare(noun=noun, org=None) for noun in nouns if noun not in self.refused]
        then = Vhost.of(self.now).after(changes)
        self.now = replace(
            self.now,
            exchanges=then.exchanges,
            queues=then.queues,
            bindings=dict.fromkeys(then.bindings, ()),
            policies=then.policies,
        )
        return [Failure(noun=noun, reason="refused") for noun in nouns if noun in self.refused]

    def mover(self, _: str) -> None:
        """Nobody moves messages there."""


@pytest.mark.parametrize("kind", ["direct", "topic", "fanout", "headers", "x-random"])
def test_what_is_missing_for_other_keys_holds_no_policy_back(kind: str) -> None:
    """A policy for each org, all to one exchange, and a queue of the second org is on a node that is down."""
    fail = Exchange(name="fail", type=kind)
    works, waits = [queue("work.a"), queue("work.b")], [queue("wait.a"), queue("wait.b")]
    ways = [bind("fail", "a", "wait.a"), bind("fail", "b", "wait.b")]
    policies = [
        policy(f"p.{org}", rf"^work\.{org}$", dead_letter_exchange="fail", dead_letter_routing_key=org)
        for org in ("a", "b")
    ]
    there = existing(exchanges=(fail,), queues=(*works, *waits), bindings=())
    down = replace(there, activity={**there.activity, "wait.b": Activity(counted=False)})
    then = desired(
        exchanges=(fail,),
        queues=(*works, *waits),
        bindings=(*ways,),
        policies=(*policies,),
        owns=("fail", r"work\..", r"wait\..", r"p\.."),
    )
    held_back = [one.held_back is not None for one in make_plan(down, then).changes if one.noun in policies]
    assert held_back == [kind not in {"direct", "topic"}, True]


def test_a_queue_is_not_renamed_before_the_policy_that_it_lives_by_is_for_the_new_name() -> None:
    """What is moved would expire there into nothing; what the old one needs stays as long as it does."""
    was, then = (policy("p", f"^{name}$", dead_letter_exchange="fail1") for name in ("old", "new"))
    limits = policy("limits", "^old$", max_length=9)
    there = before(was, limits, queues=(queue("old", message_ttl=5),))
    there = replace(there, bindings={**there.bindings, bind("in", "b", "old"): ("key",)})
    spec = wanted(then, queues=(queue("new", message_ttl=5),), more=(TO_NEW,))
    spec = replace(spec, renames={"new": "old"})

    def held_back(there: Existing) -> dict[str, str | None]:
        changes = make_plan(there, spec, with_prune=True, replacing=Replacing.IDLE).changes
        return {one.noun.name: one.held_back for one in changes if one.noun.name in ("p", "new", "in -[b]-> old")}

    full = replace(there, activity={**there.activity, "old": Activity(ready=5)})
    reason = "it would live by the policy p, which is held back: that goes first"
    assert held_back(full)["new"] == reason
    assert held_back(full)["p"] is not None
    assert held_back(there) == {"new": None, "p": None}


LIVES_BY: Final[dict[str, Any]] = {"message_ttl": 7, "dead_letter_exchange": "fail1"}


@pytest.mark.parametrize(
    ("own", "changed", "is_held"),
    [({}, {"message_ttl": 6}, False), ({"dead_letter_routing_key": "k"}, {"dead_letter_routing_key": "k"}, True)],
)
def test_a_queue_that_goes_on_as_it_is_does_not_wait_for_a_policy(
    own: dict[str, Any], changed: dict[str, Any], *, is_held: bool
) -> None:
    """The policy is held back for another queue. What this one has by it now, it has before and after."""
    full = queue("full")
    now = policy("p", "^(old|full)$", **LIVES_BY)
    then = policy("p", "^(old|full)$", **{**LIVES_BY, **changed, "max_length": 3})
    there = before(now, queues=(queue("old", max_priority=5, **own), full))
    there = replace(there, activity={**there.activity, "full": Activity(ready=5)})
    spec = wanted(then, queues=(queue("old", max_priority=9), full))
    changes = make_plan(there, spec, replacing=Replacing.IDLE).changes
    found = {one.noun.name: one.held_back for one in changes if one.noun.name in ("p", "old")}
    assert "max-length 3 would drop 2 of 5" in str(found["p"])
    assert (found["old"] is not None) is is_held
