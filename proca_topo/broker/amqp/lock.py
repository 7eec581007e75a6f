"""One apply per vhost at a time: an exclusive queue, which is a lock that a connection holds.

RabbitMQ frees it as soon as the connection ends, whatever ends it: within 20 ms of a SIGKILL, after about three
heartbeats of a machine that freezes (measured). Nothing is left behind that somebody would have to clear away.
Whoever was frozen for so long, and goes on, must not believe that it still has the lock: nothing is changed over
HTTP unless the broker has said so a moment ago.
"""

import getpass
import logging
import os
import socket
import time
from datetime import UTC, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.amqp.client import connect
from proca_topo.broker.http.client import ManagementApi, path_of
from proca_topo.errors import (
    AccessError,
    BrokerError,
    LockedError,
    NotRabbitMQError,
    OtherClusterError,
    RefusedError,
    UnreachableError,
)
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel

_logger: Final = logging.getLogger("proca_topo.broker")

LOCK_QUEUE: Final = "proca-topo.lock"
"""The exclusive queue. It never has a binding or a message."""

_HOLDER: Final = "proca-topo.apply"
_SINCE: Final = "proca-topo.since"
# RabbitMQ tells whose an exclusive queue is, and what a connection says of itself, up to 6 s late (measured).
_LISTED_SECONDS: Final = 7.0
_RESOURCE_LOCKED: Final = 405
_CLOSE_SECONDS: Final = 5.0
_PUMP_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 5.0
"""So old may be what the broker has said last: longer than a busy one takes to say it, and much shorter than three
heartbeats.
"""
_LOOK_SECONDS: Final = 0.01
# Goes on while the machine sleeps, where there is such a clock.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class AmqpLock:
    """The lock of one vhost, held until `release`, the end of the process or of the connection."""

    def __init__(self, api: ManagementApi, vhost: str) -> None:
        """Take it. Raises LockedError if another has it, RefusedError if AMQP cannot say, VhostMissingError."""
        address = api.address
        self._where = address.amqp_location
        self._connection = _connection(address, vhost)
        try:
            self._channel = _declare(self._connection, api, vhost)
        except BaseException:
            if self._connection.is_open:
                self._connection.close()
            raise
        self._released = Event()
        self._lost: str | None = None
        self._seen = time.clock_gettime(_CLOCK)
        self._api = api
        api.guard = self.check
        # The connection belongs to this thread alone from here on; it answers the broker's heartbeats.
        self._keeper = Thread(target=self._keep, name="proca-topo-lock", daemon=True)
        self._keeper.start()

    def check(self) -> None:
        """Raises BrokerError if the lock was lost with its connection.

        Waits until the broker has said that it is there, if it has not for some seconds: this process may have
        been stopped, and its connection closed meanwhile.
        """
        while self._lost is None and time.clock_gettime(_CLOCK) - self._seen > FRESH_SECONDS:
            time.sleep(_LOOK_SECONDS)
        if self._lost is not None:
            raise BrokerError(
                f"the lock was lost with its connection to {self._where} ({self._lost}); another apply may be"
                " under way by now"
            )

    def release(self) -> None:
        """Give it back."""
        self._api.guard = None
        self._released.set()
        if self._keeper.is_alive():
            # Wakes it, so that it does not wait to the end of its pause.
            self._connection.add_callback_threadsafe(lambda: None)
        self._keeper.join(_CLOSE_SECONDS)

    def _keep(self) -> None:
        try:
            while not self._released.is_set():
                asked = time.clock_gettime(_CLOCK)
                self._channel.queue_declare(LOCK_QUEUE, passive=True)
                self._seen = asked
                self._connection.process_data_events(time_limit=_PUMP_SECONDS)
            self._connection.close()
        except Exception as error:  # noqa: BLE001 - whatever ends this thread, the lock is nobody's any more
            self._lost = type(error).__name__


def _connection(address: BrokerAddress, vhost: str) -> "BlockingConnection":
    properties = {_HOLDER: _who_we_are(), _SINCE: f"{datetime.now(tz=UTC):%Y-%m-%d %H:%M:%S} UTC"}
    try:
        return connect(address, vhost, name="proca-topo apply", properties=properties)
    except OtherClusterError as error:
        raise RefusedError(str(error)) from error
    except (UnreachableError, NotRabbitMQError, AccessError) as error:
        raise RefusedError(
            f"{error}. Without AMQP it cannot be known whether another apply is under way: mend that, or go on"
            " with --no-lock"
        ) from error


def _declare(connection: "BlockingConnection", api: ManagementApi, vhost: str) -> "BlockingChannel":
    from pika.exceptions import ChannelClosedByBroker

    from proca_topo.broker.amqp.errors import AMQP_PROBLEMS, amqp_failure, is_access_refused, reason_in

    try:
        channel = connection.channel()
        channel.queue_declare(LOCK_QUEUE, exclusive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code == _RESOURCE_LOCKED:
            raise LockedError(vhost=shown(vhost), holder=_holder(api, vhost)) from error
        if is_access_refused(error):
            raise RefusedError(
                f"the AMQP user may not declare the queue {LOCK_QUEUE}, which is the lock of an apply: give it the"
                f" permission to configure that name in the vhost {shown(vhost)!r}, or go on with --no-lock"
            ) from error
        raise BrokerError(f"the broker refuses the queue {LOCK_QUEUE}: {reason_in(error)}") from error
    except AMQP_PROBLEMS as error:
        raise amqp_failure(error, api.address, vhost, connected=True) from error
    return channel


def _who_we_are() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}, process {os.getpid()}"


def _holder(api: ManagementApi, vhost: str) -> str | None:
    """Who has the lock and since when, as its connection says itself; None where we may not see it."""
    deadline = time.monotonic() + _LISTED_SECONDS
    try:
        while (found := _owner(api, vhost)) is None and time.monotonic() < deadline:
            time.sleep(_PUMP_SECONDS)
    except BrokerError as error:
        _logger.info("who has the lock cannot be seen: %s", error)
        return None  # the lock is held all the same, and that is told
    return found


def _owner(api: ManagementApi, vhost: str) -> str | None:
    owner = (api.find(path_of("queues", vhost, LOCK_QUEUE)) or {}).get("owner_pid_details")
    name = owner.get("name") if isinstance(owner, dict) else None
    connection = api.find(path_of("connections", name)) if isinstance(name, str) else None
    said = (connection or {}).get("client_properties")
    if not isinstance(said, dict) or _HOLDER not in said:
        return None
    return f"{shown(str(said[_HOLDER]))}, since {shown(str(said.get(_SINCE, 'an unknown time')))}"
