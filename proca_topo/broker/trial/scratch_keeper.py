"""The process that removes a scratch vhost if its owner is killed.

It gets where the broker is and the vhost's name as one line of JSON on standard input, since passwords are not for
everybody's list of processes. When standard input ends without the word that the vhost is gone, nobody else will
remove it. Its owner starts it in a session of its own, so that a Ctrl-C in the terminal does not reach it.
"""

import contextlib
import json
import sys
import time
from typing import Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.trial.scratch import GONE, remove_vhost
from proca_topo.errors import BrokerError

# A request of the owner may be under way yet, and the broker may be starting again.
_TRIES: Final = 10
_PAUSE_SECONDS: Final = 1.0
_TIMES_GONE: Final = 3


def main() -> None:
    """Keep watch until standard input ends."""
    given = json.loads(sys.stdin.readline())
    address = BrokerAddress(file=None, **given["address"])
    if sys.stdin.readline().strip() != GONE:
        _remove(address, given["vhost"])


def _remove(address: BrokerAddress, vhost: str) -> None:
    gone = 0
    for _ in range(_TRIES):
        with contextlib.suppress(BrokerError):  # nobody is left to be told
            gone += remove_vhost(address, vhost) is None
        if gone == _TIMES_GONE:
            return
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
