"""`proca-topo sandbox` runs a command with a broker, gives its exit code back, and ends cleanly."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import pytest

from proca_topo.sandbox.ports import accepts
from tests.terminals import PATIENCE, at_terminal, ctrl_c_after, runs
from tests.waiting import wait_until

_COMMAND: Final = [str(Path(sys.executable).with_name("proca-topo")), "sandbox"]
# What a COMMAND asks the broker, and waits for as long as a test does: httpx by itself waits five seconds.
_OVERVIEW: Final = f"""\
import httpx, os

def overview():
    auth = os.environ['PROCA_TOPO_USERNAME'], os.environ['PROCA_TOPO_PASSWORD']
    return httpx.get(os.environ['PROCA_TOPO_BROKER'] + '/api/overview', auth=auth, timeout={PATIENCE})

"""


def test_the_command_finds_the_broker_and_its_exit_code_is_the_exit_code() -> None:
    """COMMAND reaches the broker with what is in its environment."""
    script = f"{_OVERVIEW}print(overview().status_code, os.environ['PROCA_TOPO_AMQP'])\nraise SystemExit(7)"
    done = _run("--", sys.executable, "-c", script)
    assert done.returncode == 7
    assert re.fullmatch(r"200 amqp://guest:guest@127\.0\.0\.1:\d+/\n", done.stdout)
    assert re.fullmatch(r"Starting RabbitMQ [\d.]+ …\n", done.stderr)


def test_sigterm_is_passed_on_to_the_command() -> None:
    """SIGTERM ends COMMAND, not the broker under it; the exit code is 128 + 15, as in a shell."""
    with _sandbox("echo ready; exec sleep 600") as (process, output):
        assert output.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM


# Two shells, which tell their pids; a signal to the first alone would leave the second, and that one's sleep.
_SHELLS: Final = (
    "printf '%s ' $$; sh -c 'echo $$ $PROCA_TOPO_BROKER; sleep 600; echo not reached'; echo not reached"
)


@contextmanager
def _sandbox(script: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A sandbox with a shell's script as its COMMAND, and the output of both. A test that fails leaves nothing."""
    with subprocess.Popen([*_COMMAND, "--", "sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def _shells_under_way(output: IO[str]) -> tuple[list[int], str]:
    """Both shells, once the second one's sleep runs, and the broker's URL.

    A shell that a SIGINT meets while it makes its child goes on waiting for that child, which has missed it.
    """
    shell, child, url = output.readline().split()
    wait_until(lambda: "sleep" in _children(child), "the second shell's sleep runs", seconds=PATIENCE)
    return [int(shell), int(child)], url


def _children(pid: str) -> list[str]:
    """What they run."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{child}/comm").read_text().strip() for child in pids]


def _assert_all_gone(output: IO[str], pids: list[int], url: str) -> None:
    port = int(url.rpartition(":")[2])
    wait_until(
        lambda: not (any(map(runs, pids)) or accepts(port) or _homes()),
        f"COMMAND {pids}, the broker {url} and its files are gone",
        seconds=PATIENCE,
    )
    assert output.read() == ""


def _homes() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("proca-topo-sandbox-*"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_sandbox_alone_ends_all_of_it(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As `kill` sends it: nothing else has sent it to COMMAND."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with _sandbox(_SHELLS) as (process, output):
        pids, url = _shells_under_way(output)
        process.send_signal(number)
        assert process.wait(PATIENCE) == code
        _assert_all_gone(output, pids, url)


def test_sigkill_of_the_sandbox_ends_all_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing can be done by the sandbox itself then."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with _sandbox(_SHELLS) as (process, output):
        pids, url = _shells_under_way(output)
        process.kill()
        process.wait(PATIENCE)
        _assert_all_gone(output, pids, url)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_signal_to_the_sandbox_alone_at_a_terminal(number: signal.Signals, code: int) -> None:
    """There COMMAND shares the terminal's foreground with the sandbox."""
    script = "import os, time; print('pid', os.getpid(), 'end', flush=True); time.sleep(600)"
    commands: list[int] = []

    def send(pid: int, _terminal: int, shown: str) -> bool:
        if "end" in shown:
            commands.append(int(shown.partition("pid ")[2].partition(" ")[0]))
            os.kill(pid, number)
        return bool(commands)

    assert at_terminal([*_COMMAND, "--", sys.executable, "-c", script], send)[0] == code
    wait_until(lambda: not runs(commands[0]), f"COMMAND has ended ({commands[0]})", seconds=PATIENCE)


def test_a_signal_as_soon_as_the_command_runs() -> None:
    """It is not lost, however early it comes. Every command sends it at once, many of them to be early enough."""
    script = (
        "from proca_topo.sandbox.session import announced_node\n"
        "from proca_topo.sandbox.command import run_with\n"
        "with announced_node() as node:\n"
        "    print([run_with(node, ['sh', '-c', 'kill -INT $PPID; exec sleep 600']) for _ in range(20)])"
    )
    code, shown = at_terminal([sys.executable, "-c", script])
    assert (code, shown.splitlines()[-1]) == (0, str([130] * 20))


def test_the_command_does_not_run_without_what_would_end_it(tmp_path: Path) -> None:
    """Its keeper was killed: nothing would end the command if the sandbox is killed too."""
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from proca_topo.errors import SandboxError\n"
        "from proca_topo.sandbox.session import announced_node\n"
        "from proca_topo.sandbox.command import run_with\n"
        "with announced_node() as node:\n"
        "    keeper, = Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()\n"
        "    kept = Path(f'/proc/{keeper}/task/{keeper}/children').read_text().split()\n"
        "    for pid in [keeper, *reversed(kept)]: os.kill(int(pid), signal.SIGKILL)\n"
        "    try: run_with(node, ['echo', 'not reached'])\n"
        "    except SandboxError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # what a killed keeper leaves
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout == (
        "sandbox: echo was not run: the sandbox's keeper process was ended from outside, and the broker with it. "
        "Start again.\n"
    )


def test_ctrl_c_comes_to_the_command_once() -> None:
    """The terminal sends it to COMMAND too: passed on it would interrupt the cleaning up."""
    script = (
        "import signal, time\n"
        "got = []\n"
        "signal.signal(signal.SIGINT, lambda *_: got.append(1))\n"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.05)\n"
        "time.sleep(2)\n"
        "print('got', len(got))\n"
    )
    code, output = at_terminal([*_COMMAND, "--", sys.executable, "-c", script], ctrl_c_after("ready"))
    assert code == 0
    assert "got 1" in output


def test_it_has_the_plugins_that_are_named() -> None:
    """Each is a plugin that RabbitMQ comes with."""
    script = (
        f"{_OVERVIEW}"
        "types = [one['name'] for one in overview().json()['exchange_types']]\n"
        "print(sorted(one for one in types if one.startswith('x-')))\n"
    )
    plugins = ("--plugin", "rabbitmq_random_exchange", "--plugin", "rabbitmq_consistent_hash_exchange")
    done = _run(*plugins, "--", sys.executable, "-c", script)
    assert done.returncode == 0
    # The type of its own that RabbitMQ 4 has is no plugin's.
    assert re.fullmatch(r"\['x-consistent-hash', ('x-local-random', )?'x-random'\]\n", done.stdout)


def test_a_plugin_that_is_not_installed_is_wrong_usage() -> None:
    """RabbitMQ would start without it."""
    done = _run("--plugin", "rabbitmq_random_exchang", "--", "true")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"error: sandbox: RabbitMQ [\d.]+ has no plugin rabbitmq_random_exchang; "
        r"did you mean rabbitmq_random_exchange\?\n",
        done.stderr,
    )


@pytest.mark.parametrize("command", ["no-such-command", "/etc/passwd"])
def test_a_command_that_cannot_be_run_is_wrong_usage(command: str) -> None:
    """It is said before a broker is started."""
    done = _run("--", command)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"error: sandbox: {command} is not a command that can be run. Is it spelled right and on PATH?\n"
    )


def test_ctrl_c_ends_the_command_before_the_broker() -> None:
    """At a terminal, Ctrl-C reaches COMMAND, which can still use the broker while it cleans up."""
    script = (
        f"import time\n{_OVERVIEW}"
        "try:\n    print('ready', flush=True)\n    time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(1)\n"
        "    print('then', overview().status_code)\n"
        "    raise SystemExit(5)\n"
    )
    code, output = at_terminal([*_COMMAND, "--", sys.executable, "-c", script], ctrl_c_after("ready"))
    assert code == 5
    assert "then 200" in output
    assert "Traceback" not in output


def test_without_a_command_it_says_where_the_broker_is_until_ctrl_c() -> None:
    """Two lines for a shell; Ctrl-C is the ordinary end."""
    code, output = at_terminal(_COMMAND, ctrl_c_after("until Ctrl-C"))
    assert code == 0
    assert re.search(r"^export PROCA_TOPO_BROKER=http://127\.0\.0\.1:\d+\r$", output, re.MULTILINE)
    assert re.search(r"^export PROCA_TOPO_AMQP=amqp://guest:guest@127\.0\.0\.1:\d+/\r$", output, re.MULTILINE)
    assert "Traceback" not in output


def test_ctrl_c_while_starting_is_quiet() -> None:
    """Nothing but the shell's own code for it. The broker is never ready: whoever presses it may be slow."""
    script = (
        "import sys\n"
        "from proca_topo.cli.main import program\n"
        "from proca_topo.sandbox.node import Node\n"
        "Node._overview = lambda _: None\n"
        "sys.argv[1:] = ['sandbox']\n"
        "program()"
    )
    code, output = at_terminal([sys.executable, "-c", script], ctrl_c_after("Starting RabbitMQ"))
    assert code == 128 + signal.SIGINT
    assert "Traceback" not in output


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
