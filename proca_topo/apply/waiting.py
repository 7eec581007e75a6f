"""Applying again and again until what is being retired has gone, or patience has."""

import time
from collections.abc import Callable, Collection
from dataclasses import replace

from proca_topo.apply.report import Report, Result, Status
from proca_topo.apply.watch import StopRequestedError, Watcher
from proca_topo.errors import BrokerError, VhostMissingError
from proca_topo.topology.nouns import Noun

# RabbitMQ counts the messages of a classic queue at once, of a quorum queue every 5 s.
_PAUSE_SECONDS = 2.0


def wait_for_draining(
    first: Report,
    again: Callable[[], Report],
    *,
    patience_seconds: float,
    watch: Watcher,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Apply `again` while anything of the first plan drains and there is time, and the whole as one report.

    What fails or is interrupted on the way ends it.
    """
    planned = {change.noun for change in first.plan.changes}
    deadline = time.monotonic() + patience_seconds
    report = first
    while (count := _worth_waiting_for(report, planned)) and time.monotonic() < deadline:
        try:
            watch.stage(f"waiting for {count} to drain", 0)
            sleep(_PAUSE_SECONDS)
            report = joined(report, again())
        except StopRequestedError:
            return replace(report, interrupted=True)
        except VhostMissingError:
            return Report.of_deleted_vhost(report.plan)
        except BrokerError as error:
            return replace(report, after=None, unread=str(error))
    return report


def joined(first: Report, later: Report) -> Report:
    """Both as one: what the first had applied, and what became later of all the rest."""
    if later.vhost_gone:
        return Report.of_deleted_vhost(first.plan)
    now = {result.change.noun: result for result in later.results}
    results: list[Result] = []
    for result in first.results:
        newer = now.pop(result.change.noun, None)
        if newer is not None:
            results.append(newer)
        elif result.status in (Status.DRAINING, Status.HELD_BACK) and not _is_wanted(result, later):
            continue  # gone, or wanted again, by other hands
        else:
            results.append(result)
    results += now.values()
    changes = tuple(result.change for result in results)
    return replace(later, plan=replace(first.plan, changes=changes), results=tuple(results))


def _is_wanted(result: Result, later: Report) -> bool:
    """Whether a change that a later apply has left alone is one that the spec still asks for."""
    return later.after is None or any(change.noun == result.change.noun for change in later.after.changes)


def _worth_waiting_for(report: Report, planned: Collection[Noun]) -> int:
    """How many of the objects that were planned drain, if nothing speaks against waiting for them."""
    counts = report.counts()
    if counts[Status.FAILED] or counts[Status.NOT_TRIED] or report.unread or report.stopped:
        return 0
    return sum(r.status is Status.DRAINING and r.change.noun in planned for r in report.results)
