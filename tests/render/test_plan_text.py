"""A plan as a person reads it."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Declare, Delete
from proca_topo.plan.impact.facts import Impact, RouteImpact
from proca_topo.render.lines import WIDTH
from proca_topo.render.plan_text import plan_text, summary
from proca_topo.topology.nouns import Binding, Exchange, Queue
from tests.render.plans import EVERY_ACTION, NEEDS_PRUNE, evil_plan, of_orgs, plan_of
from tests.render.unsafe import assert_harmless


def test_every_action_with_what_is_to_be_known_about_it() -> None:
    assert (
        plan_text(plan_of(*EVERY_ACTION))
        == """\
Plan for vhost proca on http://localhost:15672 (RabbitMQ 4.0.5)

  + declare   ~ update   ! replace   > retire (delete later)   - delete

Shared
  + exchange confirm (topic)
  + exchange audit (fanout, transient, internal)
  ~ policy   retry-ttl
      message-ttl: 30000 -> 60000
      hazard: takes effect at once on 1 queue
  + queue    system.retry (quorum)
      x-dead-letter-exchange: system.retry
      x-message-ttl: 30000
  + binding  deliver -[#]-> audit (to an exchange)

Org acme
  ! queue    acme.crm
      x-message-ttl: 20000 -> (none)
      hazard: 3 messages in it
      hazard: until then a client that declares it as the spec says is refused
        (406 PRECONDITION_FAILED)
      held back: RabbitMQ cannot change it in place, and deleting it would lose
        what is in it
  + binding  confirm -[acme.custom.supporter]-> acme.crm

Org old
  - binding  system.retry -[old.crm]-> old.crm  (goes with its queue)  held back [1]
  - queue    old.crm  hazard [2], held back [1]
  - queue    old.confirm  hazard [2], held back [1]
  > queue    old.moderate  held back [1]
      waits: 3 messages in it

Notes
  [1] held back (4 changes): deletions need --prune
  [2] hazard (2 changes): what is published straight to its name in that moment
    is lost

Plan: 5 to declare, 1 to update, 1 to replace, 1 to retire, 3 to delete; 5 held
back; 120 unchanged.
"""
    )


def test_a_plan_without_changes() -> None:
    assert (
        plan_text(plan_of(unchanged=127))
        == """\
Plan for vhost proca on http://localhost:15672 (RabbitMQ 4.0.5)

No changes. 127 objects are as desired.
"""
    )


def test_one_object_is_not_plural() -> None:
    assert summary(plan_of(unchanged=1)) == "No changes. 1 object is as desired."


def test_a_plan_of_single_orgs_says_so() -> None:
    text = plan_text(plan_of(Declare(noun=Queue(name="acme.crm"), org="acme"), orgs=("acme", "beta")))
    assert (
        text
        == """\
Plan for vhost proca on http://localhost:15672 (RabbitMQ 4.0.5)
Only orgs acme, beta

  + declare

Org acme
  + queue    acme.crm

Plan: 1 to declare; 120 unchanged.
"""
    )


def test_thousands_of_deletions_say_their_reason_once() -> None:
    gone = [Delete(noun=Queue(name=f"old{n}.crm"), org=f"old{n}", held_back=NEEDS_PRUNE) for n in range(1000)]
    text = plan_text(plan_of(*gone))
    assert text.count(NEEDS_PRUNE) == 1
    assert "  [1] held back (1000 changes): deletions need --prune\n" in text
    assert all(f"  - queue    old{n}.crm  held back [1]\n" in text for n in range(1000))


def test_nothing_of_a_long_plan_is_left_out() -> None:
    """5,000 orgs at first apply: each object on its line, under its org."""
    lines = plan_text(of_orgs(5000)).splitlines()
    assert sum(line.startswith("  + ") and line != "  + declare" for line in lines) == 35_000
    assert sum(line.startswith("Org org") for line in lines) == 5000
    assert lines[-1] == "Plan: 35000 to declare; 0 unchanged."


def test_prose_stays_within_80_columns_and_names_are_never_broken() -> None:
    name = "a" * 200
    lines = plan_text(plan_of(*EVERY_ACTION, Declare(noun=Exchange(name=name, type="topic")))).splitlines()
    assert f"  + exchange {name} (topic)" in lines
    prose = [line for line in lines if "hazard:" in line or "held back:" in line or line.startswith("        ")]
    assert prose
    assert all(len(line) <= WIDTH for line in prose)


def test_names_cannot_do_anything_to_a_terminal() -> None:
    assert_harmless(plan_text(evil_plan()))


@pytest.mark.parametrize("name", ["[bold]x[/bold]", "[red", "a[/]b", ":smile:"])
def test_names_are_not_markup(name: str) -> None:
    assert f"  + queue    {name}\n" in plan_text(plan_of(Declare(noun=Queue(name=name))))


def test_a_plan_that_apply_refuses_says_so_in_the_end() -> None:
    refused = replace(
        plan_of(*EVERY_ACTION), refused="it deletes 12 of 30 objects, more than is usual; if meant, so"
    )
    assert plan_text(refused) == plan_text(plan_of(*EVERY_ACTION)) + (
        "apply will refuse this plan: it deletes 12 of 30 objects, more than is usual; if\nmeant, so\n"
    )


def test_what_a_change_does_to_messages_stands_beneath_it() -> None:
    """The first three names of many, and a word for a message that reaches nothing any more."""
    binding = Binding(source="deliver", destination="acme.crm", routing_key="acme.#")
    gone = tuple(
        RouteImpact(exchange="deliver", key=f"acme.{name}", before=("acme.crm",), after=()) for name in "abcde"
    )
    kept = RouteImpact(exchange="deliver", key="acme.x", before=("acme.crm", "sqs"), after=("sqs",))
    impact = Impact(routes=(*gone, kept), route_count=31)
    text = plan_text(plan_of(Delete(noun=binding, impact=impact)))
    assert (
        """\
  - binding  deliver -[acme.#]-> acme.crm
      unrouted: after this, 5 keys (acme.a, acme.b, acme.c, and so on) reach
        nothing (was: acme.crm)
      messages: takes acme.crm from acme.x
      messages: and so on: 31 keys in all go another way
"""
        in text
    )
