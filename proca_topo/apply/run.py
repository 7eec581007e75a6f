"""Applying a plan: declare, read back, replace, delete, read back, plan again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from proca_topo.apply.declaring import declare, hold_replacements
from proca_topo.apply.deleting import delete
from proca_topo.apply.ledger import Ledger
from proca_topo.apply.replacing.run import replace_all
from proca_topo.apply.report import Report, Result, Status, draining_since
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import StopRequestedError, Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.errors import BrokerError, VhostMissingError
from proca_topo.plan.changes import Delete, HazardCode, Plan, Replace, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.desired import Desired
from proca_topo.topology.exchange_holding import unfinished_exchanges
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import unfinished
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Kind, kind_of

_NOTHING_DELETED = "nothing is deleted before everything is declared, since messages might have no way left"
_NOT_GONE = "the broker said it is deleted and still shows it"


def apply_plan(
    plan: Plan,
    existing: Existing,
    desired: Desired,
    broker: Broker,
    *,
    with_prune: bool,
    watch: Watcher,
    replacing: Replacing = Replacing.FINISHING,
) -> Report:
    """Make the changes of `plan` and report what the broker shows afterwards.

    `existing` and `desired` are what the plan was made of. One object that the broker refuses does not stop the
    others, but keeps everything from being deleted. A broker that fails altogether stops the rest, and so does a
    watcher that asks for it; what was done by then is found out by reading, if it can be read.
    """
    ledger = Ledger(plan)

    def read() -> Existing:
        return read_existing(broker, plan.vhost, desired, with_prune=with_prune, replacing=replacing)

    stopped: str | None = None
    interrupted = False
    after: Existing | None = None
    try:
        after = _made(plan, existing, desired, broker, ledger, watch=watch, replacing=replacing, read=read)
    except BrokerError as error:
        stopped = str(error)
    except StopRequestedError:
        stopped, interrupted = "interrupted", True
    unread: str | None = None
    if after is None and plan.to_do:
        try:
            after = read()
        except VhostMissingError:
            return Report.of_deleted_vhost(plan)
        except BrokerError as error:
            unread = str(error)
    seen = after if after is not None else existing if not plan.to_do else None
    then = make_plan(seen, desired, with_prune=with_prune, replacing=replacing) if seen is not None else None
    if after is not None and then is not None:
        _settle(plan, after, then, ledger)
    results = ledger.close(f"stopped: {stopped}" if stopped else _NOTHING_DELETED)
    if interrupted and _is_all_done(results):
        stopped, interrupted = None, False
    return Report(
        plan=plan,
        results=(*results, *(draining_since(results, then) if then is not None else ())),
        after=then,
        unread=unread,
        stopped=stopped,
        interrupted=interrupted,
    )


def _made(
    plan: Plan,
    existing: Existing,
    desired: Desired,
    broker: Broker,
    ledger: Ledger,
    *,
    watch: Watcher,
    replacing: Replacing,
    read: Callable[[], Existing],
) -> Existing | None:
    """Make the changes; what the broker shows after the last of them, None where it was not read since."""
    after = declare(plan, existing, broker, ledger, watch, read=read)
    if not ledger.any_not_made():
        hold_replacements(plan, existing, ledger)
        disconnecting = replacing is Replacing.DISCONNECTING
        after = (
            replace_all(
                plan,
                after or existing,
                broker,
                ledger,
                watch,
                desired=desired.exchanges,
                disconnecting=disconnecting,
                read=read,
            )
            or after
        )
        after = declare(plan, existing, broker, ledger, watch, read=read, after_replacement=True) or after
    now = after or existing
    _spare(plan, now, desired, ledger)
    if not ledger.any_not_made() and delete(plan, now, broker, ledger, watch, desired=desired.bindings, read=read):
        return None
    return after


def _is_all_done(results: Sequence[Result]) -> bool:
    return not any(result.status in {Status.NOT_TRIED, Status.FAILED} for result in results)


def apply_anew(
    desired: Desired,
    broker: Broker,
    vhost: str,
    *,
    with_prune: bool,
    watch: Watcher,
    replacing: Replacing,
    only: Plan | None = None,
) -> Report:
    """Read, plan and apply once more: `only` what another plan let change, if there is one."""
    existing = read_existing(broker, vhost, desired, with_prune=with_prune, replacing=replacing)
    plan = make_plan(existing, desired, with_prune=with_prune, replacing=replacing)
    if only is not None:
        let = {change.noun for change in only.changes if change.held_back is None}
        plan = replace(plan, changes=tuple(change for change in plan.changes if change.noun in let))
    return apply_plan(plan, existing, desired, broker, with_prune=with_prune, watch=watch, replacing=replacing)


def _spare(plan: Plan, now: Existing, desired: Desired, ledger: Ledger) -> None:
    """Hold back what was to go after a replacement that was not made, and is needed as things are `now`."""
    hindered = [
        change
        for change in plan.to_do
        if isinstance(change, Replace) and ledger.status(change.noun) is Status.HELD_BACK
    ]
    if not hindered:
        return
    then = make_plan(now, desired, with_prune=True, replacing=Replacing.FORBIDDEN)
    goes = {change.noun for change in then.to_do if isinstance(change, Delete)}
    for change in plan.to_do:
        if isinstance(change, Delete) and change.noun not in goes:
            ledger.note(change, Status.HELD_BACK, f"it goes once {shown(hindered[0].noun.name)} is replaced")


def _settle(plan: Plan, after: Existing, then: Plan, ledger: Ledger) -> None:
    """Take the broker's word over the answers it gave: what it shows is so, what it does not is not. `then` is the
    plan of it.

    A replacement is not made while it holds something, though its new queue may be there.
    """
    begun = {(Kind.QUEUE, one.replaced.becomes) for one in unfinished(after)}
    begun |= {(Kind.EXCHANGE, one.replaced.was.name) for one in unfinished_exchanges(after)}
    halfway = dict(_halfway(then))
    for change in plan.to_do:
        status = ledger.status(change.noun)
        key = kind_of(change.noun), change.noun.name
        match change:
            case Replace() if key in halfway and status in (None, Status.FAILED):
                ledger.begun(change, halfway[key])
            case Replace() if key in begun:
                pass
            case Delete():
                if status is Status.APPLIED and after.has(change.noun):
                    ledger.note(change, Status.FAILED, _NOT_GONE)
                elif status in (None, Status.FAILED) and not after.has(change.noun):
                    ledger.applied([change])
            case _:
                if status in (None, Status.FAILED) and after.shows(change.noun):
                    ledger.applied([change])


def _halfway(plan: Plan) -> Iterator[tuple[tuple[Kind, str], str]]:
    """The replacements that were begun, each with how far it is."""
    for change in plan.changes:
        if isinstance(change, Replace) and change.unfinished is not None:
            told = (hazard.message for hazard in change.hazards if hazard.code is HazardCode.UNFINISHED)
            yield (kind_of(change.noun), change.noun.name), next(told)
