"""The public format of what goes on in the queues."""

import json
from collections.abc import Callable
from functools import partial

import jsonschema
import pytest

from proca_topo.plan.status import State, Status
from proca_topo.render.status_json import status_json, status_schema
from proca_topo.topology.definitions import definition
from proca_topo.topology.nouns import Exchange
from tests.calls import assert_grows_with_size
from tests.render.plans import EVIL
from tests.render.statuses import EVERY_STATE, EVIL_STATUS, queue, status_with
from tests.render.unsafe import assert_harmless


def test_the_whole_document() -> None:
    document = json.loads(status_json(EVERY_STATE))
    queues = document.pop("queues")
    assert document == {
        "format_version": 1,
        "broker": {"location": "http://localhost:15672", "version": "4.0.5", "cluster_name": "rabbit@one"},
        "vhost": "proca",
        "orgs": [],
        "summary": {
            "queues": 8,
            "ready": 12_347,
            "unacknowledged": 12,
            "consumers": 6,
            "waiting": 3,
            "held": 120,
            "absent": 1,
        },
        "by_org": [
            {"org": None, "queues": 2, "ready": 1, "unacknowledged": 10, "consumers": 4, "waiting": 3},
            {"org": "acme", "queues": 4, "ready": 12_345, "unacknowledged": 0, "consumers": 1, "waiting": 0},
            {"org": "former", "queues": 2, "ready": 1, "unacknowledged": 2, "consumers": 1, "waiting": 0},
        ],
        "replacements": [
            {
                "queue": "acme.news",
                "becomes": "acme.newsletter",
                "org": "acme",
                "parked": 100,
                "arriving": 20,
                "old_is_gone": True,
                "held_back": None,
            },
            {
                "queue": "acme.crm",
                "becomes": "acme.crm",
                "org": "acme",
                "parked": None,
                "arriving": 0,
                "old_is_gone": False,
                "held_back": "1 consumer is on it: stop it",
            },
        ],
        "exchange_replacements": [
            {
                "exchange": name,
                "org": None,
                "was": definition(Exchange(name=name, type="topic")),
                "becomes": definition(Exchange(name=name, type="direct")),
                "is_gone": is_gone,
            }
            for name, is_gone in (("confirm", False), ("deliver", True))
        ],
        "circuits": [
            {
                "queue": "system.retry",
                "org": None,
                "messages": 3,
                "delay_ms": 90_000,
                "returns_to": [
                    "system.email.confirm",
                    "system.email.thankyou",
                    "system.sqs",
                    "system.webhook",
                ],
            },
            {"queue": "acme.retry", "org": "acme", "messages": 0, "delay_ms": None, "returns_to": ["acme.crm"]},
        ],
        "absent": ["acme.crm"],
    }
    assert queues[1] == {
        "name": "former.crm",
        "org": "former",
        "state": "leaving",
        "ready": 1,
        "unacknowledged": 2,
        "counted": True,
        "consumers": 1,
        "circuits": [],
        "waits_for": "3 messages in it, 2 of them unacknowledged",
        "routes": 2,
    }


def test_what_is_not_known_is_null() -> None:
    [_, log] = [one for one in json.loads(status_json(EVERY_STATE))["queues"] if one["state"] == "idle"][::-1]
    assert (log["counted"], log["consumers"]) == (False, None)


def test_a_queue_is_one_line() -> None:
    lines = status_json(EVERY_STATE).splitlines()
    assert sum(line.startswith('    {"name": ') for line in lines) == len(EVERY_STATE.queues)


@pytest.mark.parametrize("status", [status_with(), EVERY_STATE, EVIL_STATUS], ids=["empty", "every", "evil"])
def test_statuses_fit_the_schema(status: Status) -> None:
    jsonschema.validate(json.loads(status_json(status)), status_schema())


def test_names_cannot_do_anything_to_a_terminal_and_come_back_whole() -> None:
    text = status_json(EVIL_STATUS)
    assert_harmless(text)
    assert json.loads(text)["queues"][0]["name"] == EVIL


def test_the_cost_grows_with_the_number_of_queues() -> None:
    def writing(orgs: int) -> Callable[[], str]:
        names = [
            (f"org{number}", f"org{number}.{kind}") for number in range(orgs) for kind in ("crm", "sqs", "mail")
        ]
        return partial(status_json, status_with(*(queue(name, State.IDLE, org) for org, name in names)))

    assert_grows_with_size(writing, 100)
