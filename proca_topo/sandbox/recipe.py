"""How a private RabbitMQ node is configured, the same for every version from 3.8 to 4.x."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.ports import HOST, Ports

# Two schedulers are enough for a broker of tests, also on a machine with 64 cores; memory follows them.
_ERLANG_ARGUMENTS: Final = "+S 2:2 +SDio 4 -kernel inet_dist_use_interface {127,0,0,1}"

MANAGEMENT: Final = "rabbitmq_management"
"""The plugin that every node has: it tells when the node is ready."""

# In a mount namespace of its own: the VM reads its memory limits from /proc, and nothing stays mounted behind.
_CHROOT_SCRIPT: Final = 'mount -t proc proc "$0/proc" && root=$0 && exec chroot "$root" "$@"'


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One node, as files and commands. `directory` is as the host sees it; with a root it lies within.

    `plugins` are those that it has besides the management plugin.

    Nodes of one cluster share a `cookie` and the port mapper of the one that `has_epmd`.
    """

    installation: Installation
    directory: Path
    name: str
    ports: Ports
    extra_conf: str
    cookie: str = ""
    has_epmd: bool = True
    plugins: Sequence[str] = ()

    @property
    def log(self) -> Path:
        """What the broker says, as the host sees it."""
        return self.directory / "node.log"

    @property
    def epmd_log(self) -> Path:
        """What the port mapper says, as the host sees it."""
        return self.directory / "epmd.log"

    @property
    def broker(self) -> list[str]:
        """The command that becomes the broker (each part of it execs the next)."""
        return self._inside(str(self.installation.server))

    def control(self, *arguments: str) -> list[str]:
        """A command of rabbitmqctl for the running broker."""
        return self._inside(str(self.installation.server.with_name("rabbitmqctl")), *arguments)

    @property
    def epmd(self) -> list[str]:
        """The command that stays in the foreground as the node's own port mapper."""
        return self._inside("epmd", "-address", HOST, "-port", str(self.ports.epmd))

    @property
    def environment(self) -> dict[str, str]:
        """All of the processes' environment: nothing of the user's own RabbitMQ or Erlang settings gets in."""
        here = self._here
        return {
            "PATH": self._path,
            "HOME": str(here),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": HOST,
            # A long name can have an address as its host, which needs no /etc/hosts and no name server.
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(here / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(here / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": self._erlang_arguments,
            # Makes the start script exec the VM instead of supervising it: the child's pid is the broker's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def write(self) -> None:
        """Write the configuration files."""
        (self.directory / "conf.d").mkdir(exist_ok=True)
        (self.directory / "enabled_plugins").write_text(f"[{','.join([MANAGEMENT, *self.plugins])}].\n")
        # The limits are fixed and generous, so that no alarm blocks publishers on a small or nearly full machine.
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = {HOST}:{self.ports.amqp}\n"
            f"management.tcp.ip = {HOST}\n"
            f"management.tcp.port = {self.ports.management}\n"
            "disk_free_limit.absolute = 1MB\n"
            "vm_memory_high_watermark.absolute = 4GB\n"
            f"{self.extra_conf}\n"
        )

    @property
    def _erlang_arguments(self) -> str:
        return f"{_ERLANG_ARGUMENTS} -setcookie {self.cookie}" if self.cookie else _ERLANG_ARGUMENTS

    @property
    def _here(self) -> Path:
        root = self.installation.root
        return self.directory if root is None else Path("/") / self.directory.relative_to(root)

    @property
    def _path(self) -> str:
        if self.installation.root is not None:
            return "/usr/sbin:/usr/bin:/sbin:/bin"
        # Homebrew's erl and epmd lie in the bin beside the sbin.
        beside = self.installation.server.parent.parent / "bin"
        return os.pathsep.join([os.environ.get("PATH", os.defpath), str(beside)])

    def _inside(self, *command: str) -> list[str]:
        root = self.installation.root
        if root is None:
            return list(command)
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", _CHROOT_SCRIPT, str(root), *command]
