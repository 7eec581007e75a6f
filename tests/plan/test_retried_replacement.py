"""A quorum queue that counts what its retry circuit brings back needs a limit that nobody reaches."""

from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Replace, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import BrokerIdentity, Existing
from proca_topo.topology.nouns import Policy, Queue
from tests.plan.begun import begun
from tests.plan.circuit_world import ALL_BINDINGS, WAIT, WAY_BACK, WORK, desired, existing


def quorum(**arguments: Any) -> Queue:
    table = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return replace(WORK, type="quorum", arguments=Arguments.of({**WORK.arguments.to_dict(), **table}))


def limiting(**definition: Any) -> Policy:
    table = {key.replace("_", "-"): value for key, value in definition.items()}
    return Policy(name="policy", pattern="^work$", definition=Arguments.of(table))


def on(version: str, there: Existing) -> Existing:
    return replace(there, broker=BrokerIdentity(location="http://127.0.0.1:15672", version=version))


def held_back(there: Existing, *policies: Policy) -> str | None:
    wanted = quorum(max_length=9)
    plan = make_plan(there, desired(queues=(wanted, WAIT), policies=policies), replacing=Replacing.IDLE)
    [change] = [change for change in plan.changes if isinstance(change, Replace)]
    return change.held_back


@pytest.mark.parametrize("version", ["4.1.0", "4.3.6", "5.0.0"])
def test_it_is_held_back_with_what_to_do(version: str) -> None:
    """Also while it is empty: what is on its way back may be one that was delivered so often."""
    assert held_back(on(version, existing(queues=(quorum(), WAIT)))) == (
        f"RabbitMQ {version} counts what its retry circuit brings back, and drops what has reached its delivery"
        " limit of 20 if moving it is interrupted: give it one of 1000000 by a policy first"
    )


@pytest.mark.parametrize("version", ["3.10.8", "4.0.5", None])
def test_other_versions_count_only_what_got_no_answer(version: str | None) -> None:
    assert held_back(on(version or "", existing(queues=(quorum(), WAIT)))) is None


@pytest.mark.parametrize("limit", [1_000_000, -1])
def test_a_limit_that_nobody_reaches_lets_it_be_replaced(limit: int) -> None:
    """By policy, also one that the spec sets in the same apply, or by argument."""
    there = on("4.3.6", existing(queues=(quorum(), WAIT)))
    policy = limiting(delivery_limit=limit)
    assert held_back(replace(there, policies={"policy": policy}), policy) is None
    assert held_back(there, policy) is None
    assert held_back(on("4.3.6", existing(queues=(quorum(delivery_limit=limit), WAIT)))) is None


def test_the_lesser_of_two_limits_counts() -> None:
    there = on("4.3.6", existing(queues=(quorum(delivery_limit=30), WAIT)))
    assert "its delivery limit of 30 if" in (held_back(there, limiting(delivery_limit=1_000_000)) or "")


def test_a_policy_that_may_not_be_in_force_is_none() -> None:
    """RabbitMQ's own limit may be, then."""
    unsure = replace(limiting(delivery_limit=1_000_000), pattern="^wo(?#RabbitMQ reads this)rk$")
    assert "its delivery limit of 20 if" in (
        held_back(on("4.3.6", existing(queues=(quorum(), WAIT))), unsure) or ""
    )


def test_a_queue_without_a_retry_circuit_is_replaced() -> None:
    """What it gives up has no way back by which it would be dropped."""
    bindings = tuple(binding for binding in ALL_BINDINGS if binding != WAY_BACK)
    there = on("4.3.6", existing(queues=(quorum(), WAIT), bindings=bindings))
    plan = make_plan(
        there, desired(queues=(quorum(max_length=9), WAIT), bindings=bindings), replacing=Replacing.IDLE
    )
    assert [change.held_back for change in plan.changes if isinstance(change, Replace)] == [None]


def test_one_that_was_begun_goes_on_once_it_has_the_limit() -> None:
    there = begun(was=quorum(), there=(quorum(),), old_is_gone=False)
    ways = tuple(
        replace(b, destination="proca-topo.arriving.work") for b in ALL_BINDINGS if b.destination == "work"
    )
    there = on("4.3.6", replace(there, bindings={**there.bindings, **dict.fromkeys(ways, ("key",))}))
    assert "its delivery limit of 20 if" in (held_back(there) or "")
    assert held_back(there, limiting(delivery_limit=1_000_000)) is None
