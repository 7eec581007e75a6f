"""Commands to tell people to run."""

import os
import shlex
from pathlib import Path

from proca_topo.cli.output import without_passwords, without_secrets


def broker_options(*, broker: str | None, amqp: str | None, vhost: str | None) -> list[str]:
    """The options that say where the broker is, but for what the environment says anyway.

    Passwords are left out. PROCA_TOPO_PASSWORD is taken instead, and an error asks for it where there is none.
    """
    given = (("broker", broker), ("amqp", amqp), ("vhost", vhost))
    return [
        word
        for name, value in given
        if value and value != os.environ.get(f"PROCA_TOPO_{name.upper()}")
        for word in (f"--{name}", without_secrets(without_passwords(value)))
    ]


def command_line(*arguments: str, directory: Path) -> str:
    """A proca-topo command for the same directory, ready to be copied."""
    where = ("-C", str(directory)) if directory != Path() else ()
    return shlex.join(["proca-topo", *arguments, *where])
