"""The RabbitMQ versions that the tests run on."""

import os
from enum import StrEnum
from typing import Final

from proca_topo.errors import SandboxError
from proca_topo.sandbox.installation import Installation, installed, unpacked
from tests.brokers import debian

VARIABLE: Final = "PROCA_TOPO_TEST_RABBITMQ"


class Version(StrEnum):
    """The series that a Debian suite had when this was written. Suites move on; a node tells what it really is."""

    V3_10 = "3.10"
    V4_0 = "4.0"
    V4_3 = "4.3"

    @property
    def suite(self) -> str | None:
        """The Debian suite to unpack it from; None is what the machine itself has installed."""
        match self:
            case Version.V3_10:
                return None
            case Version.V4_0:
                return "trixie"
            case Version.V4_3:
                return "forky"

    def installation(self) -> Installation:
        """The version, ready to run; unpacked first if need be. Raises `SandboxError` where it cannot be had."""
        if self.suite is None:
            return installed()
        return unpacked(debian.unpack(self.suite))


def selected() -> Version:
    """The version that PROCA_TOPO_TEST_RABBITMQ names, the machine's own if it names none."""
    wanted = os.environ.get(VARIABLE) or Version.V3_10
    try:
        return Version(wanted)
    except ValueError:
        raise SandboxError(f"{VARIABLE} is {wanted!r}; it can be {', '.join(Version)}.") from None
