"""A vhost of our own, for as long as something is tried in it."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.http.client import ManagementApi, path_of
from proca_topo.broker.http.errors import reason_of
from proca_topo.errors import AccessError, BrokerError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.broker.trial.probing import Probing

PREFIX: Final = "proca-topo.test."
"""What the names of such vhosts begin with."""

GONE: Final = "gone"
"""What the keeper of a vhost is told that has nothing more to do."""

_DESCRIPTION: Final = "A trial by proca-topo test, which removes it. If that is over, this can go."
_EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}


class ScratchVhost:
    """A vhost with a name that no other has. Whoever makes it removes it, also if making it has failed."""

    def __init__(self, address: BrokerAddress) -> None:
        self.address = address
        self._is_ours = False
        self.name = f"{PREFIX}{secrets.token_hex(8)}"

    def create(self) -> None:
        """Make it, and give all permissions in it to who asks by HTTP and who connects by AMQP.

        Raises AccessError for who is no administrator, and BrokerError.
        """
        try:
            with closing(ManagementApi(self.address)) as api:
                self._create(api)
        except AccessError as error:
            raise AccessError(
                f"{error}; a trial needs a vhost of its own, which only administrators can make: use such a user,"
                " or a sandbox (no --broker)"
            ) from error

    def _create(self, api: ManagementApi) -> None:
        if api.find(path_of("vhosts", self.name)) is not None:
            raise BrokerError(f"there is a vhost {self.name} already: run the same command again")
        # Whatever happens to the answer: from here on it may be there.
        self._is_ours = True
        try:
            self._put(api, path_of("vhosts", self.name), {"description": _DESCRIPTION})
        except AccessError:
            self._is_ours = False
            raise
        for user in sorted({self.address.username, self.address.amqp_username}):
            self._put(api, path_of("permissions", self.name, user), _EVERYTHING)

    def probing(self) -> "AbstractContextManager[Probing]":
        """What publishes probes there, and tells where they arrive, for the time of a `with`."""
        from proca_topo.broker.trial.probing import probing

        return probing(self.address, self.name)

    def remove(self) -> None:
        """Remove it with all that is in it; nothing if it was never made.

        Raises BrokerError if it may still be there, saying how to remove it.
        """
        if not self._is_ours:
            return
        try:
            reason = remove_vhost(self.address, self.name)
        except BrokerError as error:
            reason = str(error)
        if reason is not None:
            raise BrokerError(
                f"the vhost {self.name} on {self.address.location} may still be there ({reason}):"
                f" `rabbitmqctl delete_vhost {self.name}` removes it"
            )
        self._is_ours = False

    def _put(self, api: ManagementApi, path: str, body: object) -> None:
        response = api.request("PUT", path, body)
        if not response.is_success:
            raise BrokerError(f"{self.address.location} refuses PUT {shown(path)}: {reason_of(response)}")


def remove_vhost(address: BrokerAddress, vhost: str) -> str | None:
    """Remove a vhost with all that is in it. Why RabbitMQ refuses that, None if it is gone. Raises BrokerError."""
    with closing(ManagementApi(address)) as api:
        return api.delete(path_of("vhosts", vhost))


@contextmanager
def removed_if_killed(scratch: ScratchVhost) -> Iterator[None]:
    """In this block another process waits to remove the vhost, should this one be killed."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", "proca_topo.broker.trial.scratch_keeper"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    address = {key: value for key, value in asdict(scratch.address).items() if key != "file"}
    # If somebody has ended it, only a SIGKILL would leave the vhost: no reason to do nothing.
    with suppress(BrokenPipeError):
        print(json.dumps({"address": address, "vhost": scratch.name}), file=keeper.stdin, flush=True)
    try:
        yield
    finally:
        keeper.communicate(f"{GONE}\n")
