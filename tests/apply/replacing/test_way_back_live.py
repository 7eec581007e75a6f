"""What a worker rejects while its queue is replaced comes back to it: no message leaves the new queue for good."""

from pathlib import Path
from typing import Final

import pika
import pytest

from proca_topo.apply.replacing import batches, boundary
from proca_topo.apply.replacing.steps import PROTOCOL, Step
from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import killed_at
from tests.live import Live, desired_in
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

COUNT: Final = 20
STEPS: Final = [rule.step.name for rule in PROTOCOL]
FILLING: Final = [*STEPS[STEPS.index(Step.BIND_WANTED.name) :], "done"]
WITH_MESSAGES: Final = FILLING[FILLING.index(Step.CATCH_UP.name) :]


def write(folder: Path, queues: str, *, exchange: str = "topic") -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\n"
        "owns: [in, work, job, keeper, other, 'c.*']\n"
        f"exchanges: {{in: {{type: {exchange}}}}}\n"
        "retry: {c: {delay: 500ms, fail: c.fail, wait: c.wait, return: c.return}}\n"
        f"queues:\n{queues}"
    )


def queue(name: str, more: str = "") -> str:
    return f"  {name}: {{bindings: [{{exchange: in, key: a}}]{more}}}\n"


def apply(live: Live, folder: Path) -> Report:
    return live.apply(desired_in(folder), replacing=Replacing.IDLE)


def publish(live: Live) -> None:
    with live.channel() as channel:
        for number in range(COUNT):
            persistent = pika.BasicProperties(delivery_mode=2)
            channel.basic_publish("in", "a", str(number).encode(), persistent, mandatory=True)


def reject_all(live: Live, queue: str) -> int:
    """A worker that processes nothing, until each message has been rejected once; how many it has rejected."""
    with live.channel() as channel:
        count = 0
        while count < COUNT and (method := channel.basic_get(queue)[0]) is not None:
            channel.basic_nack(method.delivery_tag, requeue=False)
            count += 1
        return count


def held(live: Live) -> dict[str, int]:
    """How many messages each queue has that has any."""
    with live.channel() as channel:
        counts = {
            one["name"]: channel.queue_declare(one["name"], passive=True).method.message_count
            for one in live.definitions()["queues"]
        }
    return {name: count for name, count in counts.items() if count}


def all_have_come_back(live: Live) -> None:
    """Wait until what was rejected is neither in the circuit nor on its way there.

    What comes while routes change hands may be there twice.
    """

    def is_back() -> bool:
        there = held(live)
        return "c.wait" not in there and sum(there.values()) >= COUNT

    wait_until(is_back, "all has come back from the circuit", seconds=60)


def numbers_in(live: Live, queue: str) -> set[int]:
    """The messages of a queue, which are taken out."""
    found = set()
    with live.channel() as channel:
        while (taken := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.add(int(taken[2]))
    return found


@pytest.mark.parametrize("step", FILLING)
def test_what_is_rejected_under_the_new_name_comes_back_though_the_apply_is_killed(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first message on that the new queue has."""
    write(tmp_path, queue("work", ", retry: c"))
    apply(live, tmp_path)
    publish(live)
    write(tmp_path, queue("job", ", retry: c, renamed_from: work"))
    with killed_at(monkeypatch, step):
        apply(live, tmp_path)
    if step in WITH_MESSAGES:
        assert reject_all(live, "job") == COUNT
        all_have_come_back(live)
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in apply(live, tmp_path).results}
    assert held(live).keys() == {"job"}
    assert numbers_in(live, "job") == set(range(COUNT))


def rejected_while_another_is_replaced(live: Live, name: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have a worker reject all that is in the queue, once it is retried, before the next one's turn comes: no two
    are replaced at once.
    """
    rejected: list[int] = []
    monkeypatch.setattr(batches, "_FEW_MESSAGES", -1)

    def reached(step: str) -> None:
        there = {one["name"]: one["arguments"] for one in live.definitions()["queues"]}
        if step == Step.DECLARE_PARKED.name and "x-dead-letter-exchange" in there.get(name, {}):
            rejected.append(reject_all(live, name))
            all_have_come_back(live)

    monkeypatch.setattr(boundary, "reached", reached)
    return rejected


def test_what_is_rejected_under_the_new_name_comes_back_while_other_queues_are_replaced(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, queue("work", ", retry: c") + "  other: {}\n")
    apply(live, tmp_path)
    publish(live)
    write(tmp_path, queue("job", ", retry: c, renamed_from: work") + "  other: {arguments: {x-max-priority: 5}}\n")
    rejected = rejected_while_another_is_replaced(live, "job", monkeypatch)
    # What only the old name needed is held back, for want of a prune.
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in apply(live, tmp_path).results}
    assert rejected == [COUNT]
    assert held(live).keys() == {"job"}
    assert numbers_in(live, "job") == set(range(COUNT))


@pytest.mark.parametrize("step", ["BIND_ARRIVING", "PARK", "DECLARE_NEW", "RETURN_PARKED", "FORGET"])
def test_a_retry_that_the_spec_gives_to_a_queue_whose_replacement_is_unfinished(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its way back is there before a worker can reject anything, though another queue is replaced after it."""
    others = "  keeper: {retry: c}\n  other: {}\n"
    write(tmp_path, queue("job") + others)
    apply(live, tmp_path)
    publish(live)
    write(tmp_path, queue("job", ", arguments: {x-max-priority: 5}") + others)
    with killed_at(monkeypatch, step):
        apply(live, tmp_path)
    write(tmp_path, queue("job", ", retry: c") + others.replace("{}", "{arguments: {x-max-priority: 5}}"))
    rejected = rejected_while_another_is_replaced(live, "job", monkeypatch)
    assert {result.status for result in apply(live, tmp_path).results} == {Status.APPLIED}
    assert rejected[-1] == COUNT
    assert held(live).keys() == {"job"}
    assert numbers_in(live, "job") == set(range(COUNT))


def test_a_queue_gets_another_name_and_its_exchange_another_type_at_once(live: Live, tmp_path: Path) -> None:
    """The exchange comes first; what the spec binds to the new name is bound when that is there."""
    write(tmp_path, queue("work", ", retry: c"))
    apply(live, tmp_path)
    publish(live)
    renamed = queue("job", ", retry: c, renamed_from: work").replace("key: a", "key: b")
    write(tmp_path, renamed, exchange="direct")
    report = apply(live, tmp_path)
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in report.results}, report.results
    assert ("in", "b", "job") in {
        (one["source"], one["routing_key"], one["destination"]) for one in live.definitions()["bindings"]
    }
    assert held(live).keys() == {"job"}
    assert numbers_in(live, "job") == set(range(COUNT))
