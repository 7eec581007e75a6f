"""A retry circuit whose waiting queue gets another name, while a worker rejects all the time."""

from pathlib import Path

import pytest

from proca_topo.apply.report import Status
from tests.live import Live, desired_in
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


def write(folder: Path, wait: str) -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\nowns: [fail, back, work, 'wait*']\n"
        f"retry: {{circuit: {{delay: 500ms, fail: fail, wait: {wait}, return: back}}}}\n"
        "queues: {work: {retry: circuit}}\n"
    )


def reject(live: Live, count: int) -> None:
    """Reject so many messages, and no more than are there by then."""
    with live.channel() as channel:
        for _ in range(count):
            method, _properties, _body = channel.basic_get("work")
            assert method is not None
            assert method.delivery_tag is not None
            channel.basic_reject(method.delivery_tag, requeue=False)


def ready(live: Live, *queues: str) -> int:
    return sum(live.broker.look(live.vhost, queues)[queue].messages for queue in queues)


@pytest.mark.parametrize("first_without_prune", [False, True])
def test_nothing_comes_back_twice(live: Live, tmp_path: Path, *, first_without_prune: bool) -> None:
    write(tmp_path, "wait")
    live.apply(desired_in(tmp_path))
    live.fill("work", 5)
    reject(live, 5)
    write(tmp_path, "wait2")
    if first_without_prune:
        live.apply(desired_in(tmp_path))
    else:
        live.apply(desired_in(tmp_path), with_prune=True)
    for _ in range(3):
        wait_until(lambda: ready(live, "work") >= 5, "they are back", seconds=120)
        assert ready(live, "work", "wait2") == 5
        reject(live, 5)

    def is_done() -> bool:
        report = live.apply(desired_in(tmp_path), with_prune=True)
        return {result.status for result in report.results} <= {Status.APPLIED}

    wait_until(is_done, "the old one has gone", seconds=120)
    wait_until(lambda: ready(live, "work") >= 5, "they are back", seconds=120)
    assert ready(live, "work", "wait2") == 5
