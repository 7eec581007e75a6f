"""What nobody wants of a replaced queue goes with the same apply, and no report is surprised by it."""

from pathlib import Path

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.errors import ExitCode
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import killed_at
from tests.live import Live, desired_in
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


def write(folder: Path, queues: str, *, exchange: str = "in") -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\n"
        "owns: [in, next, work, job, 'c.*']\n"
        f"exchanges: {{{exchange}: {{type: topic}}}}\n"
        "retry: {c: {delay: 1h, fail: c.fail, wait: c.wait, return: c.return}}\n"
        f"queues: {{{queues}}}\n"
    )


def apply(live: Live, folder: Path, *, with_prune: bool = True) -> Report:
    return live.apply(desired_in(folder), with_prune=with_prune, replacing=Replacing.IDLE)


def told(report: Report) -> set[tuple[Status, str]]:
    return {(result.status, result.change.noun.name) for result in report.results}


def test_a_renaming_leaves_nothing_of_the_old_name(live: Live, tmp_path: Path) -> None:
    """Nor the exchange that only the old name was bound to."""
    write(tmp_path, "work: {retry: c, bindings: [{exchange: in, key: a}]}")
    apply(live, tmp_path)
    write(tmp_path, "job: {retry: c, renamed_from: work, bindings: [{exchange: next, key: a}]}", exchange="next")
    report = apply(live, tmp_path)
    assert {result.status for result in report.results} == {Status.APPLIED}, report.results
    assert report.after is not None
    assert report.after.changes == ()
    assert report.exit_code(detailed=True) is ExitCode.DONE
    bindings = {(one["source"], one["routing_key"], one["destination"]) for one in live.definitions()["bindings"]}
    assert bindings == {("next", "a", "job"), ("c.fail", "#", "c.wait"), ("c.return", "job", "job")}


def test_what_waits_to_come_back_by_the_old_name_is_waited_for(live: Live, tmp_path: Path) -> None:
    write(tmp_path, "work: {retry: c}")
    apply(live, tmp_path)
    live.fill("work", 1)
    write(tmp_path, "job: {retry: c, renamed_from: work}")
    with live.channel() as channel:
        method, _, _ = channel.basic_get("work")
        assert method is not None
        channel.basic_nack(method.delivery_tag, requeue=False)
        wait_until(
            lambda: channel.queue_declare("c.wait", passive=True).method.message_count, "it waits", seconds=60
        )
        assert (Status.DRAINING, "c.return -[work]-> job") in told(apply(live, tmp_path))
        # The hour is over.
        method, properties, body = channel.basic_get("c.wait", auto_ack=True)
        assert method is not None
        channel.basic_publish("c.return", method.routing_key, body or b"", properties, mandatory=True)
        assert channel.queue_declare("job", passive=True).method.message_count == 1
    assert told(apply(live, tmp_path)) == {(Status.APPLIED, "c.return -[work]-> job")}


@pytest.mark.parametrize("with_prune", [False, True])
@pytest.mark.parametrize("count", [0, 3])
def test_what_is_finished_only_to_go(
    count: int,
    with_prune: bool,  # noqa: FBT001 - a case
    live: Live,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first apply puts it together again, the next one prunes it."""
    work = "work: {bindings: [{exchange: in, key: a}]%s}"
    write(tmp_path, work % "")
    apply(live, tmp_path)
    live.fill("work", count)
    write(tmp_path, work % ", arguments: {x-max-priority: 5}")
    with killed_at(monkeypatch, "DECLARE_NEW"):
        apply(live, tmp_path)
    write(tmp_path, "")
    report = apply(live, tmp_path, with_prune=with_prune)
    assert report.unexplained == ()
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in report.results}
    assert ((Status.DRAINING, "work") in told(report)) is with_prune
    status = {(True, 0): Status.APPLIED, (True, 3): Status.DRAINING}.get((with_prune, count), Status.HELD_BACK)
    assert (status, "work") in told(apply(live, tmp_path, with_prune=with_prune))


def test_a_queue_that_is_not_replaced_after_all_keeps_its_ways(live: Live, tmp_path: Path) -> None:
    """How large the messages are shows only to apply. Until they fit, what the queue sends away goes as before."""

    def say(exchanges: str, queue: str, sources: str) -> None:
        (tmp_path / "topology.yaml").write_text(
            "topology: 1\nowns: [in, old, new, work, job, dead]\n"
            f"exchanges: {{in: {{type: topic}}, {exchanges}}}\n"
            f"queues: {{{queue}, dead: {{bindings: [{sources}]}}}}\n"
        )

    in_a = "bindings: [{exchange: in, key: a}]"
    new, old = "new: {type: fanout}", "old: {type: fanout}"
    say(f"{new}, {old}", f"work: {{dead-letter: {{exchange: old}}, {in_a}}}", "{exchange: old}, {exchange: new}")
    apply(live, tmp_path)
    live.fill("work", 20)
    limited = "max-length-bytes: 10, renamed_from: work, dead-letter: {exchange: new}"
    say(new, f"job: {{{limited}, {in_a}}}", "{exchange: new}")
    report = apply(live, tmp_path)
    assert {result.status for result in report.results} == {Status.HELD_BACK}, report.results
    with live.channel() as channel:
        method, _, _ = channel.basic_get("work")
        assert method is not None
        channel.basic_nack(method.delivery_tag, requeue=False)
        wait_until(lambda: channel.basic_get("dead")[0] is not None, "it has its way", seconds=60)
