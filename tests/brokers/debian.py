"""RabbitMQ of other Debian suites, unpacked into folders to `chroot` into, without installing anything.

    python -m tests.brokers.debian trixie forky [--into .cache/rabbitmq]

Debian keeps one RabbitMQ version a suite. The packages come from the same mirror as the machine's own; apt works
on a private configuration, and no maintainer script runs.
"""

import argparse
import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from proca_topo.errors import SandboxError

DEFAULT_FOLDER: Final = Path(__file__).resolve().parents[2] / ".cache" / "rabbitmq"

# What the server's start scripts call, besides the server itself and what apt adds to both.
_PACKAGES: Final = (
    "rabbitmq-server",
    "dash",
    "coreutils",
    "sed",
    "grep",
    "procps",
    "libc-bin",
    "base-files",
    "util-linux",
)

# Dependencies of maintainer scripts and of service management, which do not run here.
_NOT_NEEDED: Final = re.compile(
    r"(lib)?(python3?|perl)|systemd|udev|locales|adduser|debconf|erlang-(wx|megaco|doc)"
)

_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PUBLIC_MIRROR: Final = "http://deb.debian.org/debian/"
_MERGED_FOLDERS: Final = ("bin", "sbin", "lib", "lib64")
_DEVICES: Final = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}
# Changes when what is unpacked changes, so that folders from before are made anew.
_COMPLETE: Final = ".complete-1"


def unpack(suite: str, into: Path = DEFAULT_FOLDER) -> Path:
    """The folder with the suite's RabbitMQ, made if it is not there yet. Needs root, for the device files.

    Takes 10 to 20 seconds and some 150 MiB. Several processes may ask for the same suite at once.
    Raises `SandboxError` where apt fails.
    """
    root = into / suite
    if (root / _COMPLETE).exists():
        return root
    into.mkdir(parents=True, exist_ok=True)
    with _locked(into / f"{suite}.lock"):
        if not (root / _COMPLETE).exists():
            for leftover in (root, into / f"{suite}.partial"):
                shutil.rmtree(leftover, ignore_errors=True)
            partial = into / f"{suite}.partial"
            with tempfile.TemporaryDirectory(prefix="proca-topo-apt-") as apt_folder:
                _unpack_all(_downloaded(suite, Path(apt_folder)), partial)
            _make_usable(partial)
            partial.rename(root)
    return root


def _downloaded(suite: str, folder: Path) -> Sequence[Path]:
    mirror = debian_mirror()
    for part in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    signed_by = f" [signed-by={_KEYRING}]" if _KEYRING.exists() else ""
    (folder / "etc" / "sources.list").write_text(f"deb{signed_by} {mirror} {suite} main\n")
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "etc" / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": folder / "etc" / "preferences.d",
        "APT::Install-Recommends": "false",
        "APT::Default-Release": "",
        "APT::Sandbox::User": "root",
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    _apt(["apt-get", *options, "-qq", "update"], suite)
    _apt(["apt-get", *options, "-qq", "-y", "--download-only", "install", *_PACKAGES], suite)
    return sorted((folder / "cache" / "archives").glob("*.deb"))


def debian_mirror() -> str:
    """Where this machine gets Debian packages from; Debian's public mirror where it is not a Debian.

    apt itself reads its sources here, whatever format they are in.
    """
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    codename = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    is_debian = re.search(r"^ID=debian$", Path("/etc/os-release").read_text(), re.MULTILINE)
    for line in listed.stdout.splitlines():
        uri, _, release = line.partition(" ")
        if is_debian and codename and release in {codename[1], "stable", "oldstable", "oldoldstable"}:
            return uri
    return _PUBLIC_MIRROR


def _apt(command: Sequence[str], suite: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    for attempts_left in (1, 0):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if not attempts_left:
            said = (done.stderr or done.stdout).strip()
            raise SandboxError(
                f"apt cannot get RabbitMQ of Debian {suite}:\n{said}\n"
                "Check the network and the mirror in /etc/apt/sources.list.d, then run it again."
            )


def _unpack_all(packages: Sequence[Path], root: Path) -> None:
    for name in _MERGED_FOLDERS:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        if _NOT_NEEDED.match(package.name):
            continue
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
            unpacked = subprocess.run(
                [
                    "tar",
                    "-x",
                    "--keep-directory-symlink",
                    "--exclude=./usr/share/doc/*",
                    "--exclude=./usr/share/man/*",
                    "-C",
                    root,
                ],
                stdin=archive.stdout,
                capture_output=True,
                text=True,
                check=False,
            )
        if unpacked.returncode or archive.returncode:
            raise SandboxError(f"Cannot unpack {package.name} into {root}: {unpacked.stderr.strip()}")


def _make_usable(root: Path) -> None:
    for name in ("dev", "proc", "tmp", "etc"):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    for name, (major, minor) in _DEVICES.items():
        device = root / "dev" / name
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        device.chmod(0o666)
    (root / _COMPLETE).touch()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.brokers.debian", description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="+", metavar="SUITE", help="a Debian suite: trixie, forky")
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    for suite in chosen.suites:
        try:
            root = unpack(suite, chosen.into.resolve())
        except SandboxError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        sys.stdout.write(f"{root}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
