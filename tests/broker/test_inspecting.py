"""What is in a queue is seen as it is, or not at all."""

import pytest

from proca_topo.broker.moving.inspecting import inspect
from proca_topo.errors import BrokerError
from tests.broker.tracks import QUORUM, SOURCE, Tracks
from tests.brokers.fixtures import NodeFactory
from tests.brokers.leaders import resume, suspend

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("tracks", [QUORUM], indirect=True)
def test_a_queue_that_does_not_answer_is_not_taken_for_empty(tracks: Tracks, node_factory: NodeFactory) -> None:
    """RabbitMQ says then that it has no messages, and whatever is in it would be thought to fit elsewhere."""
    node = node_factory()
    there = tracks.on(node)
    there.lay()
    there.fill(10, size=20)
    suspend(node, there.vhost, SOURCE)
    with pytest.raises(BrokerError, match="does not tell what is in source at this moment"):
        inspect(there.where, there.vhost, SOURCE)
    resume(node, there.vhost, SOURCE)
    assert inspect(there.where, there.vhost, SOURCE).sizes_in("classic") == [20] * 10
    there.http.close()
