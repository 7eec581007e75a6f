"""Which RabbitMQ there is to run."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from proca_topo.errors import SandboxError

# Packages put the real start script here (Debian, Ubuntu, Fedora); the one in /usr/sbin insists on its own user.
PACKAGED: Final = Path("/usr/lib/rabbitmq/bin")
_HOMEBREW: Final = (Path("/opt/homebrew/sbin"), Path("/usr/local/sbin"))

# A folder or an .ez file.
_PLUGIN: Final = re.compile(r"(\w+)-[0-9].*")

_NOT_INSTALLED: Final = """\
RabbitMQ is not installed on this machine: there is no rabbitmq-server in {folders}.
Install it, and it is used without any set-up (and without starting it as a service):
  Debian, Ubuntu:  sudo apt-get install rabbitmq-server
  Fedora:          sudo dnf install rabbitmq-server
  macOS:           brew install rabbitmq
Or name a broker that is already running with --broker."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An installed RabbitMQ.

    `root` is a folder to `chroot` into, which needs Linux and root; None is the machine itself. `server` is the
    start script as seen from in there. `version` is "" where the files do not tell; a running node always does.
    """

    root: Path | None = None
    version: str
    server: Path = PACKAGED / "rabbitmq-server"

    @cached_property
    def plugins(self) -> frozenset[str]:
        """The names of its plugins, enabled or not, and of the libraries that lie with them."""
        root = self.root or Path("/")
        server = (root / self.server.relative_to("/")).resolve()
        folders = [_beside(server)]
        # A package's RabbitMQ looks there first, for plugins that somebody else has made (3.10 to 4.3).
        if server.is_relative_to(packaged := root / PACKAGED.parent.relative_to("/")):
            folders.append(packaged / "plugins")
        found = (_PLUGIN.fullmatch(entry.name) for folder in folders for entry in folder.glob("*"))
        return frozenset(match[1] for match in found if match is not None)


def installed(folders: Sequence[Path] | None = None) -> Installation:
    """The machine's own RabbitMQ, from the first of `folders` that has one (default: packages, PATH, Homebrew).

    Raises `SandboxError` where there is none, saying how to install it.
    """
    for folder in _usual_folders() if folders is None else folders:
        server = folder / "rabbitmq-server"
        if os.access(server, os.X_OK) and not _is_service_wrapper(server):
            return Installation(version=_version_beside(server.resolve()), server=server)
    raise SandboxError(_NOT_INSTALLED.format(folders=f"{PACKAGED}, on PATH or in Homebrew's folders"))


def unpacked(root: Path) -> Installation:
    """The RabbitMQ in a folder that a Debian package and all it needs were unpacked into.

    Raises `SandboxError` where the folder has none.
    """
    server = root / PACKAGED.relative_to("/") / "rabbitmq-server"
    if not server.exists():
        raise SandboxError(
            f"There is no RabbitMQ in {root}: {server} is missing. Delete the folder and unpack it again."
        )
    return Installation(root=root.resolve(), version=_version_beside(server.resolve()))


def _usual_folders() -> Sequence[Path]:
    on_path = [Path(folder) for folder in os.get_exec_path() if folder]
    return [PACKAGED, *on_path, *_HOMEBREW]


def _is_service_wrapper(server: Path) -> bool:
    return server.resolve().name == "rabbitmq-script-wrapper"


def _beside(server: Path) -> Path:
    """Where the plugins are, the broker's own application among them."""
    return server.parent.parent / "plugins"


def _version_beside(server: Path) -> str:
    """From the broker's own application, `plugins/rabbit-3.10.8` (a folder or an .ez file) beside `sbin`."""
    for application in _beside(server).glob("rabbit-[0-9]*"):
        return application.name.removeprefix("rabbit-").removesuffix(".ez")
    in_path = re.search(r"\d+\.\d+\.\d+", str(server))
    return in_path[0] if in_path else ""
