"""Waiting for what drains ends with a report, whatever ends it."""

from collections.abc import Callable
from dataclasses import replace

from proca_topo.apply.report import Report, Result, Status, draining_since
from proca_topo.apply.waiting import joined, wait_for_draining
from proca_topo.apply.watch import SILENT, StopRequestedError
from proca_topo.errors import BrokerError, ExitCode
from proca_topo.plan.changes import Change, Declare, Plan, Replace, Retire
from proca_topo.topology.nouns import Queue
from tests.plan.circuit_world import existing

APPLIED = Result(change=Declare(noun=Queue(name="new")), status=Status.APPLIED)
DRAINING = Result(
    change=Retire(noun=Queue(name="old"), reason="1 message in it"),
    status=Status.DRAINING,
    reason="1 message in it",
)
HELD_BACK = Result(
    change=Replace(noun=Queue(name="other"), differences=(), held_back="it needs --replace"),
    status=Status.HELD_BACK,
    reason="it needs --replace",
)


def plan(*changes: Change) -> Plan:
    return Plan(broker=existing().broker, vhost="proca", changes=changes, unchanged=0)


def report(*results: Result) -> Report:
    changes = [result.change for result in results]
    left = [result.change for result in results if result.status is not Status.APPLIED]
    return Report(plan=plan(*changes), results=results, after=plan(*left))


def waited(again: Callable[[], Report]) -> Report:
    first = report(APPLIED, DRAINING)
    return wait_for_draining(first, again, patience_seconds=60, watch=SILENT, sleep=lambda _: None)


def test_an_interrupted_wait_reports_what_was_done() -> None:
    def interrupted() -> Report:
        raise StopRequestedError

    ended = waited(interrupted)
    assert ended.interrupted
    assert ended.results == (APPLIED, DRAINING)


def test_a_broker_that_fails_while_it_waits_leaves_a_report() -> None:
    def failing() -> Report:
        raise BrokerError("the broker is gone")

    ended = waited(failing)
    assert ended.unread == "the broker is gone"
    assert ended.results == (APPLIED, DRAINING)
    assert ended.exit_code() is ExitCode.PARTLY_APPLIED


def test_what_was_held_back_at_first_still_is_unless_the_spec_asks_for_it_no_more() -> None:
    """A later round leaves it alone, and so it is in no plan of that."""
    first = report(APPLIED, DRAINING, HELD_BACK)
    gone = replace(DRAINING, status=Status.APPLIED, reason=None)
    later = replace(report(gone), after=plan(HELD_BACK.change))
    assert joined(first, later).results == (APPLIED, gone, HELD_BACK)
    assert joined(first, later).exit_code(detailed=True) is ExitCode.PENDING
    assert joined(first, replace(later, after=plan())).results == (APPLIED, gone)


LATER = Retire(noun=Queue(name="later"), reason="2 messages in it")


def test_what_drains_only_since_the_plan_was_made_is_told_and_not_waited_for() -> None:
    """No round of this apply would touch it: that makes no new plans."""
    held_back = replace(LATER, noun=Queue(name="held back"), held_back="deletions need --prune")
    [drains] = draining_since((APPLIED, DRAINING), plan(DRAINING.change, LATER, held_back))
    assert drains == Result(change=LATER, status=Status.DRAINING, reason="2 messages in it")

    def never() -> Report:
        raise AssertionError

    first = replace(report(APPLIED), results=(APPLIED, drains), after=plan(LATER))
    assert first.exit_code(detailed=True) is ExitCode.PENDING
    assert wait_for_draining(first, never, patience_seconds=60, watch=SILENT) is first
