"""What an operator reads at two in the morning."""

from dataclasses import replace

import pytest

from proca_topo.apply.report import Report, Result, Status, waiting_or_held
from proca_topo.plan.changes import Declare, Delete, Plan, Retire, WaitsFor
from proca_topo.plan.planner import make_plan
from proca_topo.render.report_text import outcome, report_text
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue
from tests.plan.circuit_world import FAIL, IN, RETURN, WAIT, WORK, desired, existing
from tests.render.plans import EVIL, NEEDS_PRUNE, applied, evil_plan, plan_of, report_of
from tests.render.unsafe import assert_harmless

CONFIRM = Declare(noun=Exchange(name="confirm", type="topic"))
CRM = Declare(noun=Queue(name="acme.crm"), org="acme")
BOUND = Declare(noun=Binding(source="confirm", destination="acme.crm", routing_key="acme.#"), org="acme")
OLD = Delete(noun=Queue(name="old.crm"), org="old")


def test_all_went_well() -> None:
    assert (
        report_text(report_of(*applied(CONFIRM, CRM, OLD)))
        == """\
Applied to vhost proca on http://localhost:15672 (RabbitMQ 4.0.5):
  2 declared, 1 deleted
  + exchange confirm (topic)
  + queue    acme.crm
  - queue    old.crm

Done: 3 changes applied and read back. Nothing is pending.
"""
    )


def test_nothing_to_do() -> None:
    assert report_text(report_of(unchanged=127)) == "No changes. 127 objects are as desired.\n"


def test_many_names_only_when_asked_for() -> None:
    report = report_of(*applied(*(Declare(noun=Queue(name=f"q{n}")) for n in range(21))))
    assert (
        report_text(report)
        == """\
Applied to vhost proca on http://localhost:15672 (RabbitMQ 4.0.5): 21 declared

Done: 21 changes applied and read back. Nothing is pending.
"""
    )
    assert "  + queue    q20\n" in report_text(report, verbose=True)


def test_partly_applied() -> None:
    results = (
        *applied(CONFIRM),
        Result(
            change=CRM, status=Status.FAILED, reason="400: inequivalent arg 'x-message-ttl' for queue 'acme.crm'"
        ),
        Result(change=BOUND, status=Status.NOT_TRIED, reason="its queue acme.crm could not be declared"),
    )
    assert (
        report_text(report_of(*results))
        == """\
Applied to vhost proca on http://localhost:15672 (RabbitMQ 4.0.5): 1 declared
  + exchange confirm (topic)

Failed: 1
  + queue    acme.crm
      400: inequivalent arg 'x-message-ttl' for queue 'acme.crm'

Not tried: 1
  + binding  confirm -[acme.#]-> acme.crm
      its queue acme.crm could not be declared

Partly applied: 1 of 3 changes. Resolve what is listed above, then run the same
command again: it goes on where this one stopped.
"""
    )


def test_the_same_reason_is_said_once() -> None:
    failed = [
        Result(change=Declare(noun=Queue(name=f"q{n}")), status=Status.FAILED, reason="403: access refused")
        for n in range(30)
    ]
    text = report_text(report_of(*failed))
    assert text.count("403: access refused") == 1
    assert "  + queue    q29\n" in text
    assert text.endswith(
        "Failed: nothing was applied. Resolve what is listed above, then run the same\n"
        "command again: it goes on where this one stopped.\n"
    )


def test_held_back_and_draining() -> None:
    drains = Retire(noun=Queue(name="old.moderate"), org="old", reason="3 messages in it")
    results = (
        *applied(CRM),
        Result(change=OLD, status=Status.HELD_BACK, reason=NEEDS_PRUNE),
        Result(change=drains, status=Status.DRAINING, reason="3 messages in it"),
    )
    assert (
        report_text(report_of(*results))
        == """\
Applied to vhost proca on http://localhost:15672 (RabbitMQ 4.0.5): 1 declared
  + queue    acme.crm

Held back: 1
  - queue    old.crm
      deletions need --prune

Draining: 1
  > queue    old.moderate
      3 messages in it

Done: 1 change applied and read back. 1 held back: what each needs is said
above. 1 draining: once that is over, the same command finishes it.
"""
    )


def _drained(plan: Plan) -> str:
    results = (waiting_or_held(change) for change in plan.changes)
    return report_text(report_of(*(result for result in results if result is not None)))


def test_what_no_later_apply_ends_has_another_remedy() -> None:
    """The planner's own reasons: a replacement held back, somebody else's queue and exchange."""
    policy = Policy(name="policy", pattern="^wait$", definition=Arguments.of({"message-ttl": 1000}))
    by_policy = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return"}))
    there = existing(queues=(WORK, by_policy), policies=(policy,))
    replaced = _drained(make_plan(there, desired(), with_prune=True))
    assert (
        """
  > policy   policy
      wait needs it until it is replaced
      an apply with --replace replaces it, and lets this go
"""
        in replaced
    )
    assert replaced.endswith("""\
1 draining:
some wait for what is said above; after that the same command finishes it.
""")
    theirs = Queue(name="theirs", type="classic", arguments=Arguments.of({"x-dead-letter-exchange": "fail"}))
    nothing = desired(exchanges=(), queues=(), bindings=())
    used = _drained(make_plan(existing(queues=(WORK, WAIT, theirs)), nothing, with_prune=True))
    assert (
        """
      theirs still sends dead letters this way
      this apply does not change that: give it another dead-letter exchange or
      delete it, or keep this in the spec
"""
        in used
    )
    lost = Exchange(name="lost", type="fanout")
    other = Exchange(name="other", type="topic", arguments=Arguments.of({"alternate-exchange": "lost"}))
    there = existing(exchanges=(IN, FAIL, RETURN, lost, other))
    assert "give it another alternate exchange or" in _drained(
        make_plan(there, desired(owns=("lost",)), with_prune=True)
    )


def test_what_cannot_be_seen_without_amqp_says_what_to_set() -> None:
    reason = "whether a quorum queue has consumers can only be seen over AMQP, which cannot be reached"
    result = Result(change=Delete(noun=WORK), status=Status.DRAINING, reason=reason, waits_for=WaitsFor.AMQP)
    assert "\n      set PROCA_TOPO_AMQP to an AMQP URL that can be reached\n" in report_text(report_of(result))


def test_what_waits_for_something_that_drains_itself_needs_only_time() -> None:
    reasons = {WORK: "1 message in it", WAIT: "work still sends dead letters this way"}
    text = report_text(
        report_of(
            *(
                Result(change=Retire(noun=queue, reason=reason), status=Status.DRAINING, reason=reason)
                for queue, reason in reasons.items()
            )
        )
    )
    assert text.endswith("2 draining: once that is over, the same command finishes\nit.\n")
    assert "this apply does not" not in text


def test_a_thousand_held_back_are_counted() -> None:
    held = [
        Result(
            change=Delete(noun=Queue(name=f"old{n}")),
            status=Status.HELD_BACK,
            reason=NEEDS_PRUNE,
        )
        for n in range(1000)
    ]
    assert (
        report_text(report_of(*held))
        == """\
Held back: 1000
  1000 changes (-v lists them)
      deletions need --prune

Nothing was applied. 1000 held back: what each needs is said above.
"""
    )


def test_the_broker_went_away() -> None:
    results = (*applied(CONFIRM), Result(change=CRM, status=Status.NOT_TRIED, reason="stopped: no answer"))
    report = replace(
        report_of(*results), after=None, unread="no answer from http://localhost:15672", stopped="no answer"
    )
    assert (
        report_text(report)
        == """\
Applied to vhost proca on http://localhost:15672 (RabbitMQ 4.0.5): 1 declared
  + exchange confirm (topic)

Not tried: 1
  + queue    acme.crm
      stopped: no answer

Stopped: no answer

Not read back: no answer from http://localhost:15672

The broker could not be read afterwards, so it is not known for certain what was
applied. When it answers again, run the same command again: it goes on where
this one stopped.
"""
    )


def test_interrupted() -> None:
    """The rest has one reason: it is counted, and listed only where somebody asks for it."""
    rest = [
        Result(change=Declare(noun=Queue(name=f"q{n}")), status=Status.NOT_TRIED, reason="stopped: interrupted")
        for n in range(21)
    ]
    report = replace(report_of(*applied(CONFIRM), *rest), stopped="interrupted", interrupted=True)
    assert (
        report_text(report)
        == """\
Applied to vhost proca on http://localhost:15672 (RabbitMQ 4.0.5): 1 declared
  + exchange confirm (topic)

Not tried: 21
  21 changes (-v lists them)
      stopped: interrupted

Partly applied: 1 of 22 changes. Interrupted; the same command, run again, goes
on from here.
"""
    )
    assert "  + queue    q20\n" in report_text(report, verbose=True)
    nothing = replace(report_of(*rest), stopped="interrupted", interrupted=True)
    assert outcome(nothing).startswith("Nothing was applied. Interrupted; ")


def test_somebody_else_changes_the_broker() -> None:
    report = report_of(*applied(CONFIRM, CRM), after=plan_of(CRM))
    assert report_text(report).endswith("""\
The broker still differs: 1
  + queue    acme.crm

2 changes applied, but the broker differs again: something else changes it. Find
out what does, then run plan.
""")


@pytest.mark.parametrize("status", [Status.FAILED, Status.HELD_BACK, Status.DRAINING, Status.APPLIED])
def test_names_and_reasons_cannot_do_anything_to_a_terminal(status: Status) -> None:
    plan = evil_plan()
    results = tuple(Result(change=change, status=status, reason=f"a\nb {EVIL}") for change in plan.changes)
    report = Report(plan=plan, results=results, after=None, unread=EVIL, stopped=EVIL)
    assert_harmless(report_text(report))
    assert_harmless(report_text(report, new_plan=EVIL))


def test_the_outcome_is_one_sentence_for_programs_too() -> None:
    assert "\n" not in outcome(report_of(*applied(CONFIRM)))
