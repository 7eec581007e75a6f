"""A binding that the spec wants for the new queue, and that RabbitMQ refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from pika.exceptions import UnroutableError

from proca_topo.apply.replacing.trials import forget
from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replace, Replacing
from tests.apply.replacing.killing import killed_at
from tests.live import Live, desired_in, live_vhost

pytestmark = pytest.mark.broker

FORGET: Final = "proca_topo.apply.replacing.new_bindings.forget"
IN: Final = "{exchange: in, key: a}"
SECRET: Final = "{exchange: secret, key: b}"


def write(folder: Path, queue: str, *bindings: str) -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\n"
        "owns: [in, secret, work, job, 'c.*']\n"
        "exchanges: {in: {type: topic}, secret: {type: topic}}\n"
        "retry: {c: {delay: 500ms, fail: c.fail, wait: c.wait, return: c.return}}\n"
        f"queues: {{{queue}, bindings: [{', '.join(bindings)}]}}}}\n"
    )


@pytest.fixture
def filled(live: Live, tmp_path: Path) -> Live:
    """With one message in a queue that is about to get another name and another binding."""
    write(tmp_path, "work: {arguments: {}", IN)
    live.apply(desired_in(tmp_path))
    live.fill("work", 1)
    write(tmp_path, "job: {renamed_from: work", IN, SECRET)
    return live


@contextmanager
def who_may_not_read(exchange: str, live: Live) -> Iterator[Live]:
    """The same vhost for a user named as it."""
    http, name = live.http, live.vhost
    http.put(f"/api/users/{name}", json={"password": "x", "tags": "policymaker"}).raise_for_status()
    rights = {"configure": ".*", "write": ".*", "read": f"^(?!{exchange}$).*"}
    http.put(f"/api/permissions/{live.path}/{name}", json=rights).raise_for_status()
    url = live.test_broker.amqp_url.replace("guest:guest", f"{name}:x")
    theirs = replace(live.test_broker, amqp_url=url, username=name, password="x")
    try:
        with live_vhost(theirs, live.vhost) as opened:
            yield opened
    finally:
        http.delete(f"/api/users/{name}")


def apply(live: Live, folder: Path) -> Report:
    return live.apply(desired_in(folder), replacing=Replacing.IDLE)


def told(report: Report) -> dict[str, tuple[Status, str]]:
    """What became of each change, by name; of the replacement by the queue's."""
    return {one.change.noun.name: (one.status, one.reason or "") for one in report.results}


def waiting(live: Live) -> dict[str, int]:
    """The queues, and how many messages each has."""
    with live.channel() as channel:
        return {
            one["name"]: channel.queue_declare(one["name"], passive=True).method.message_count
            for one in live.definitions()["queues"]
        }


def test_nothing_is_changed_if_it_is_refused(filled: Live, tmp_path: Path) -> None:
    before = filled.definitions()
    with who_may_not_read("secret", filled) as other:
        [result] = [one for one in apply(other, tmp_path).results if isinstance(one.change, Replace)]
    assert result.status is Status.HELD_BACK
    assert result.reason is not None
    assert result.reason.startswith("its new binding secret -[b]-> job could not be declared: ")
    assert f"{filled.vhost!r} may not" in result.reason
    assert filled.definitions() == before
    assert waiting(filled)["work"] == 1
    apply(filled, tmp_path)
    assert waiting(filled)["job"] == 1


@pytest.mark.parametrize("step", ["BIND_ARRIVING", "BIND_WANTED", "RETURN_PARKED"])
def test_what_was_begun_goes_on_without_it(
    step: str, filled: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody could consume until somebody has the permission."""
    if step == "RETURN_PARKED":
        write(tmp_path, "job: {renamed_from: work", IN)
    with killed_at(monkeypatch, step):
        apply(filled, tmp_path)
    write(tmp_path, "job: {renamed_from: work", IN, SECRET)
    with who_may_not_read("secret", filled) as other:
        results = told(apply(other, tmp_path))
    assert results["job"] == (Status.APPLIED, "")
    status, reason = results["secret -[b]-> job"]
    assert status is Status.FAILED
    assert f"{filled.vhost!r} may not" in reason
    assert waiting(filled) == {"c.wait": 0, "job": 1}
    assert told(apply(filled, tmp_path))["secret -[b]-> job"] == (Status.APPLIED, "")


def test_a_way_back_is_not_left_out(filled: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker rejects would be lost."""
    write(tmp_path, "job: {renamed_from: work, retry: c", IN)
    with killed_at(monkeypatch, "BIND_WANTED"):
        apply(filled, tmp_path)
    with who_may_not_read("c.return", filled) as other:
        status, reason = told(apply(other, tmp_path))["job"]
    assert status is Status.FAILED
    assert "c.return -[job]-> proca-topo.arriving.work: " in reason
    assert "job" not in waiting(filled)
    assert told(apply(filled, tmp_path))["job"] == (Status.APPLIED, "")
    assert waiting(filled)["job"] == 1


def test_the_trial_takes_nothing(filled: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody else is to get comes back to its publisher, as it does without the trial."""
    bound: list[int] = []
    path = f"/api/exchanges/{filled.path}/secret/bindings/source"

    def publish_and_forget(*args: Any) -> None:
        with filled.channel() as channel:
            bound.append(len(filled.http.get(path).json()))
            with pytest.raises(UnroutableError):
                channel.basic_publish("secret", "b", b"", mandatory=True)
        forget(*args)

    monkeypatch.setattr(FORGET, publish_and_forget)
    apply(filled, tmp_path)
    assert bound == [1]
    assert waiting(filled)["job"] == 1


@pytest.mark.parametrize("how", ["argument", "policy", "auto-delete"])
def test_no_trial_where_it_would_change_what_comes_of_a_message(
    how: str, filled: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alternate exchange would not get it; an auto-delete exchange goes with its last binding."""
    text = (tmp_path / "topology.yaml").read_text()
    more = {"argument": ", alternate: in", "policy": "", "auto-delete": ", auto-delete: true"}[how]
    (tmp_path / "topology.yaml").write_text(text.replace("secret: {type: topic", f"secret: {{type: topic{more}"))
    with filled.channel() as channel:
        channel.exchange_delete("secret")
        channel.exchange_declare(
            "secret",
            "topic",
            durable=True,
            auto_delete=how == "auto-delete",
            arguments={"alternate-exchange": "in"} if how == "argument" else {},
        )
    if how == "policy":
        policy = {"pattern": "^secret$", "definition": {"alternate-exchange": "in"}, "apply-to": "exchanges"}
        filled.http.put(f"/api/policies/{filled.path}/more", json=policy).raise_for_status()
    monkeypatch.setattr(FORGET, lambda *_: pytest.fail("a trial"))
    assert told(apply(filled, tmp_path))["job"][0] is Status.APPLIED
    assert waiting(filled)["job"] == 1
