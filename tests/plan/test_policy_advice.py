"""A replacement that a policy would have made unnecessary says so, with the lines to write."""

from dataclasses import replace

import yaml

from proca_topo.plan.planner import make_plan
from proca_topo.plan.replacing.policy_advice import advice
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Queue
from tests.plan.circuit_world import WAIT, WORK, desired, existing

WAIT_LONGER = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return", "x-message-ttl": 5000}))


def test_a_new_delay_could_be_a_policys() -> None:
    [found] = advice(make_plan(existing(), desired(queues=(WORK, WAIT_LONGER))))
    assert found.settings == ("message-ttl",)
    assert found.queues == ("wait",)
    assert yaml.safe_load("\n".join(found.yaml)) == {
        "policies": {"wait": {"pattern": "^wait$", "apply-to": "queues", "definition": {"message-ttl": 5000}}}
    }
    assert "by: policy" in found.text
    assert "one more replacement, and the last" in found.text


def test_a_limit_that_is_new_needs_no_replacement_at_all() -> None:
    limited = replace(WORK, arguments=Arguments.of({**WORK.arguments.to_dict(), "x-max-length": 10}))
    [found] = advice(make_plan(existing(), desired(queues=(limited, WAIT))))
    assert (found.settings, found.new) == (("max-length",), True)
    assert "replacement" not in found.text


def test_queues_with_the_same_reason_are_advised_on_once() -> None:
    others = tuple(replace(WAIT, name=f"wait.{number}") for number in range(3))
    longer = tuple(replace(WAIT_LONGER, name=queue.name) for queue in others)
    there = existing(queues=(WORK, WAIT, *others))
    [found] = advice(make_plan(there, desired(queues=(WORK, WAIT, *longer))))
    assert found.queues == ("wait.0", "wait.1", "wait.2")
    assert "wait.0 and 2 more queues like it" in found.text
    assert yaml.safe_load("\n".join(found.yaml))["policies"]["wait.0"]["pattern"] == r"^wait\.0$"


def test_what_no_policy_can_do_is_advised_on_by_none() -> None:
    """A type, a priority range, an argument that is to go: the replacement has another reason too."""
    with_priorities = replace(WAIT_LONGER, arguments=Arguments.of({"x-message-ttl": 5000, "x-max-priority": 3}))
    without_ttl = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return"}))
    for queue in (replace(WAIT_LONGER, type="quorum"), with_priorities, without_ttl):
        assert advice(make_plan(existing(), desired(queues=(WORK, queue)))) == ()


def test_what_is_in_a_stream_cannot_be_moved_so_that_nothing_is_advised() -> None:
    def stream(age: str) -> Queue:
        return Queue(name="log", type="stream", arguments=Arguments.of({"x-max-age": age}))

    plan = make_plan(existing(queues=(stream("7D"),)), desired(queues=(stream("8D"),)))
    assert [change.held_back for change in plan.changes] != [None]
    assert advice(plan) == ()


def test_the_lines_are_yaml_whatever_the_queue_is_called() -> None:
    name = "\U0001f600 ü \u0085"
    before, after = (
        Queue(name=name, type="classic", arguments=Arguments.of({"x-message-ttl": delay})) for delay in (1, 2)
    )
    there = existing(queues=(before,), bindings=())
    plan = make_plan(there, desired(queues=(after,), bindings=(), owns=(".*",)))
    [one] = advice(plan)
    assert "\U0001f600" in one.yaml[1] or "\\u" in one.yaml[1]
    plain = replace(before, name="\U0001f600q"), replace(after, name="\U0001f600q")
    [one] = advice(
        make_plan(existing(queues=plain[:1], bindings=()), desired(queues=plain[1:], bindings=(), owns=(".*",)))
    )
    assert list(yaml.safe_load("\n".join(one.yaml))["policies"]) == ["\U0001f600q"]
