"""From an address to the broker behind it."""

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.protocol import Broker


def open_broker(address: BrokerAddress) -> Broker:
    """The broker at this address. Nothing is asked of it yet: only SSL_CERT_FILE can be wrong."""
    if address.file is not None:
        from proca_topo.broker.definitions.file import DefinitionsFile

        return DefinitionsFile(address.file)
    from proca_topo.broker.management import ManagementBroker

    return ManagementBroker(address)
