"""Many queues may share one circuit by patterns, their messages keeping their keys: that is told all the same."""

from typing import Final

import pytest

from proca_topo.plan.attention import status_of
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.circuits import circuit_of, sending_to
from tests.plan.circuit_world import FAIL_TO_WAIT, WAIT, bind, desired, existing, queue

# With each more there were twice as many ways through the circuit to follow: these would have taken for ever.
COUNT: Final = 60
NAMES: Final = tuple(f"q{number:02}" for number in range(COUNT))
QUEUES: Final = tuple(queue(name, dead_letter_exchange="fail") for name in NAMES)
BINDINGS: Final = tuple(bind(source, f"{name}.#", name) for source in ("in", "return") for name in NAMES)
THERE: Final = existing(queues=(*QUEUES, WAIT), bindings=(*BINDINGS, FAIL_TO_WAIT))

pytestmark = pytest.mark.timeout(600)


def test_status_tells_to_which_queues_the_messages_of_a_shared_circuit_come_back() -> None:
    then = desired(queues=(*QUEUES, WAIT), bindings=(*BINDINGS, FAIL_TO_WAIT))
    [circuit] = status_of(THERE, then).circuits
    assert (circuit.queue, circuit.returns_to) == ("wait", NAMES)


def test_all_queues_of_a_shared_circuit_may_send_to_each_other() -> None:
    index = ExistingIndex(THERE)
    circuit = circuit_of("q00", index)
    assert circuit.waiting == {"wait", *NAMES[1:]}
    assert circuit.ways_back == {bind("return", "q00.#", "q00")}


def test_those_that_are_asked_for_are_told_and_no_others() -> None:
    index = ExistingIndex(THERE)
    assert sending_to("q00", {"wait", "q07", "absent"}, index) == {"wait", "q07"}
    assert sending_to("q00", {"q00", "wait"}, index) == {"wait"}
    assert sending_to("wait", {"wait"}, index) == set()
