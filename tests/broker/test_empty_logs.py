"""A quorum queue that RabbitMQ has made anew, without a leader, does not stop what moves its messages."""

from contextlib import closing

import pytest

from proca_topo.broker.http.client import ManagementApi
from proca_topo.broker.management import ManagementBroker
from proca_topo.broker.moving import transfer
from proca_topo.broker.moving.empty_logs import has_empty_log
from proca_topo.broker.moving.move import Moved
from proca_topo.errors import BrokerError
from tests.broker.raw import Raw
from tests.broker.tracks import QUORUM, SOURCE, Tracks
from tests.brokers.fixtures import NodeFactory
from tests.brokers.leaders import forget, resume, suspend
from tests.brokers.written import write_down

pytestmark = [pytest.mark.broker, pytest.mark.parametrize("tracks", [QUORUM], indirect=True)]


def move_away(tracks: Tracks) -> Moved:
    """All messages of the source, as a replacement does it."""
    with closing(ManagementBroker(tracks.where)) as broker:
        mover = broker.mover(tracks.vhost)
        return mover.move(tracks.order(delete_source=True), progress=lambda _: None, idle=lambda _: None)


def is_empty(tracks: Tracks) -> bool:
    with closing(ManagementApi(tracks.where)) as api:
        return has_empty_log(api, tracks.vhost, SOURCE)


def test_a_queue_whose_log_is_lost_is_deleted(
    tracks: Tracks, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ 3.10 does not tell that there is nothing in it; then what to do is told, and helps."""
    node = node_factory()
    there = tracks.on(node)
    there.lay()
    write_down(node)
    forget(node, there.vhost, SOURCE)
    if node.version.startswith("3."):
        monkeypatch.setattr(transfer, "_STALL_SECONDS", 3.0)
        with pytest.raises(BrokerError, match=f"delete it .rabbitmqctl delete_queue {SOURCE}."):
            move_away(there)
        node.control("delete_queue", SOURCE, "--vhost", there.vhost)
    else:
        assert move_away(there) == Moved(messages=0, deleted=True)
    assert SOURCE not in Raw(http=there.http, vhost=there.vhost).names("queues")
    there.http.close()


def test_what_has_been_written_to_is_not_taken_for_empty(tracks: Tracks, node_factory: NodeFactory) -> None:
    """Neither a queue that has just been declared, nor one that nobody can reach at the moment."""
    node = node_factory()
    there = tracks.on(node)
    there.lay()
    assert not is_empty(there)
    there.fill(10)
    assert not is_empty(there)
    suspend(node, there.vhost, SOURCE)
    assert not is_empty(there)
    resume(node, there.vhost, SOURCE)
    write_down(node)
    node.kill()
    node.restart()
    assert not is_empty(there)
    assert move_away(there) == Moved(messages=10, deleted=True)
    there.http.close()
