"""The command behaves where its surroundings are odd: devices, links, closed streams, full disks, IPv6."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from proca_topo.errors import FileError
from proca_topo.spec.org_file import NewOrgFile
from tests.cli.command import COMMAND, PATIENCE, Place, clean_environment, without_progress


def test_export_writes_through_a_link_and_leaves_the_link(place: Place) -> None:
    real = place.path / "real.json"
    real.write_text("old")
    link = place.path / "link.json"
    link.symlink_to(real)
    assert place.run("export", "--out", "link.json").code == 0
    assert link.is_symlink()
    assert "acme.crm" in real.read_text()


def test_what_is_written_again_may_be_read_by_those_who_could_read_it(place: Place) -> None:
    for mode in (0o600, 0o660):
        (place.path / "export.json").touch()
        (place.path / "export.json").chmod(mode)
        assert place.run("export", "--out", "export.json").code == 0
        assert (place.path / "export.json").stat().st_mode & 0o7777 == mode


def test_export_into_something_that_is_no_file_does_not_replace_it(place: Place) -> None:
    """Run by root, a replacement would turn a device into an ordinary file."""
    fifo = place.path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE, text=True)
    assert place.run("export", "--out", "fifo").code == 0
    assert "acme.crm" in reader.communicate(timeout=PATIENCE)[0]
    assert fifo.is_fifo()


def test_an_org_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file would be an org with the defaults, and the next apply would declare it."""
    orgs = tmp_path / "orgs"
    orgs.mkdir()
    monkeypatch.setattr(os, "link", _disk_is_full)
    with pytest.raises(FileError, match="No space left"):
        NewOrgFile(path=orgs / "acme.yaml", text="{}\n").write()
    assert list(orgs.iterdir()) == []


def _disk_is_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("command", ["validate", "--version"])
@pytest.mark.parametrize("closing", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_bug(place: Place, closing: str, command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{COMMAND}" {command} {closing}'],
        cwd=place.path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def _in_shell(place: Place, line: str, *, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-c", line.format(command=f"'{COMMAND}'")],
        cwd=place.path,
        env={**clean_environment(), "PROCA_TOPO_BROKER": "broker.json"},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    done.stderr = without_progress(done.stderr)
    return done


@contextmanager
def _pipe_that_nobody_reads() -> Iterator[int]:
    """What `| true` is by the time that the command writes, however slowly the shell gets there."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def test_an_apply_whose_plan_nobody_takes_does_nothing_and_says_so(place: Place) -> None:
    before = place.broker.read_bytes()
    with _pipe_that_nobody_reads() as pipe:
        done = _in_shell(place, "{command} apply", stdout=pipe)
    assert done.stderr == "error: cannot write to stdout: Broken pipe; nothing was applied\n"
    assert done.returncode == 1
    assert place.broker.read_bytes() == before


@contextmanager
def _full_device() -> Iterator[int]:
    with Path("/dev/full").open("wb") as device:
        yield device.fileno()


@pytest.mark.parametrize(
    ("target", "reason"),
    [(_full_device, "No space left on device"), (_pipe_that_nobody_reads, "Broken pipe")],
    ids=["full disk", "pipe"],
)
def test_an_apply_whose_report_nobody_takes_says_what_it_has_done(
    place: Place, target: Callable[[], AbstractContextManager[int]], reason: str
) -> None:
    with target() as stdout:
        done = _in_shell(place, "{command} apply --format json", stdout=stdout)
    assert done.stderr == (
        f"error: cannot write to stdout: {reason}; the report's last line:"
        " Done: 7 changes applied and read back. Nothing is pending.\n"
    )
    assert done.returncode == 1
    assert place.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("command", ["plan", "validate", "export", "orgs", "--version"])
def test_a_full_disk_is_no_bug(place: Place, command: str) -> None:
    done = _in_shell(place, f"{{command}} {command} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "error: cannot write to stdout: No space left on device\n")


def test_an_apply_does_not_need_anybody_to_talk_to(place: Place) -> None:
    """What is no result may go nowhere."""
    place.write_broker()
    with _pipe_that_nobody_reads() as pipe:
        done = _in_shell(place, "{command} apply --vhost new --create-vhost 2>&1 >out", stdout=pipe)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Done: 7 changes applied" in (place.path / "out").read_text()


@pytest.mark.parametrize("pattern", ["^[[:alpha:]]+$", "^[!--a]x", "^[a||b]x", "^[a&&b]x"])
def test_a_pattern_that_python_reads_another_way_makes_no_noise(place: Place, pattern: str) -> None:
    """RabbitMQ's expressions are not Python's: what Python would warn of is right there."""
    policy = f'policies:\n  limit: {{pattern: "{pattern}", definition: {{max-length: 1}}}}\n'
    topology = place.path / "topology.yaml"
    topology.write_text(topology.read_text().replace("org:\n", f"{policy}org:\n", 1))
    topology.write_text(topology.read_text().replace("owns: [", 'owns: ["limit", '))
    for command in ("validate", "apply"):
        ran = place.run(command)
        assert (ran.code, ran.err) == (0, "")


def test_an_org_file_that_cannot_be_written_is_a_failure(place: Place) -> None:
    """The command line was right. A limit on the size of files stands for a full disk, which stops root too."""
    done = _in_shell(place, "ulimit -f 0; {command} add-org beta")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: cannot write orgs/beta.yaml: File too large\n"


@pytest.mark.parametrize("command", ["export", "plan"])
def test_a_file_for_the_result_that_cannot_be_written_is_a_failure(place: Place, command: str) -> None:
    """As with add-org: exit code 1, one line, and nothing is left in the folder."""
    before = sorted(place.path.iterdir())
    done = _in_shell(place, f"ulimit -f 0; {{command}} {command} --out result.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: cannot write result.json: File too large\n"
    assert sorted(place.path.iterdir()) == before
    assert [path.name for path in (place.path / "orgs").iterdir()] == ["acme.yaml"]


@pytest.mark.parametrize("command", ["export --out", "plan --out", "graph --out", "apply --broker"])
def test_a_link_that_leads_to_itself_is_no_bug(place: Place, command: str) -> None:
    (place.path / "loop").symlink_to("loop")
    ran = place.run(*command.split(), "loop")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err in (
        "error: cannot write loop: it is a link that leads back to itself\n",
        "error: the definitions file loop cannot be read: Too many levels of symbolic links\n",
    )


def test_an_ipv6_address_is_an_address(place: Place) -> None:
    ran = place.run("plan", PROCA_TOPO_BROKER="http://[::1]:9")
    assert ran.code == 1
    assert "bug" not in ran.err
    assert "[::1]:9" in ran.err


@pytest.mark.parametrize("command", ["--help", "plan --help"])
def test_help_that_finds_a_full_disk_is_no_bug(place: Place, command: str) -> None:
    done = _in_shell(place, f"{{command}} {command} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "error: cannot write: No space left on device\n")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("PROCA_TOPO_PASSWORD=$'p\\xff' {command} plan", "PROCA_TOPO_PASSWORD"),
        ("PROCA_TOPO_USERNAME=$'\\xff' {command} plan", "PROCA_TOPO_USERNAME"),
        (
            "{command} plan --broker $'http://u:\\xff@127.0.0.1:9'",
            "the broker's URL (--broker or PROCA_TOPO_BROKER)",
        ),
        ("{command} plan --amqp $'amqp://\\xff@127.0.0.1:9'", "the AMQP URL (--amqp or PROCA_TOPO_AMQP)"),
        ("{command} plan --vhost $'\\xff'", "the vhost's name"),
    ],
)
def test_bytes_that_are_no_text_are_wrong_usage(place: Place, line: str, what: str) -> None:
    """And what may be a password is not shown."""
    done = _in_shell(place, line)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {what} is not UTF-8")
    assert "\\udcff" not in done.stderr or what == "the vhost's name"


def test_a_definitions_file_may_have_any_name(place: Place) -> None:
    done = _in_shell(place, "cp broker.json $'b\\xff.json' && {command} plan --broker $'b\\xff.json'")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_vhost_that_amqp_cannot_name_is_not_made(place: Place) -> None:
    """Nothing could be done in it: every client would be refused."""
    ran = place.run("apply", "--create-vhost", "--vhost", "v" * 256)
    assert ran.code == 2
    assert ran.err.startswith("error: the vhost's name is 256 bytes long, and AMQP takes 255 at most: vvv")
