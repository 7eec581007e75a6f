"""How the command behaves as a Unix program."""

import subprocess
import sys
from pathlib import Path

import pytest

from proca_topo.cli.app import app
from proca_topo.cli.options import with_interval, without_debug
from tests.cli.command import COMMAND, Place, clean_environment

ROOT = Path(__file__).parents[2]
NAMES = [info.name or "" for info in app().registered_commands]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(place: Place, name: str) -> None:
    ran = place.run(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    usage, _, rest = ran.out.partition("\n\n")
    assert usage.startswith(f"Usage: proca-topo {name}")
    assert rest[2].isupper()
    assert f"\n    proca-topo {name}" in rest, "an example is missing"
    described = rest.partition("Options:")[2]
    assert described
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_help_of_all(place: Place) -> None:
    ran = place.run("--help")
    assert ran.code == 0
    assert all(f"\n  {name} " in ran.out for name in NAMES)
    assert "..." not in ran.out.partition("Commands:")[2], "a first sentence is too long for the list"
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_the_documentation_is_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def loaded_by(*arguments: str) -> set[str]:
    """The packages that a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "proca_topo.cli.main", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


def test_help_loads_no_heavy_module() -> None:
    # typer itself loads pydantic when it parses options.
    assert not {"rich", "yaml", "httpx", "pika", "deepdiff", "tenacity"} & loaded_by("plan", "--help")


def test_a_plan_on_a_file_loads_nothing_that_talks_to_a_broker(place: Place) -> None:
    loaded = loaded_by("plan", "-C", str(place.path), "--broker", str(place.path / "broker.json"))
    assert "yaml" in loaded
    assert not {"httpx", "pika", "tenacity"} & loaded


def test_no_arguments_at_all_show_the_help(place: Place) -> None:
    """What a newcomer types first."""
    ran = place.run()
    assert ran.code == 2
    assert (ran.out + ran.err).startswith("Usage: proca-topo [OPTIONS] COMMAND")


def test_what_stands_behind_two_dashes_is_anothers() -> None:
    """A command that the sandbox runs has its arguments as they are."""
    theirs = ["--", "jest", "--watch", "--debug"]
    assert with_interval(["status", "--watch", *theirs]) == ["status", "--watch=2", *theirs]
    assert without_debug(["--debug", "sandbox", *theirs]) == ["sandbox", *theirs]


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("plan", "--nonsense"), ("plan", "--format", "xml"), ("add-org",), ("push", "confirm")],
)
def test_wrong_usage_is_2_and_one_complaint(place: Place, arguments: tuple[str, ...]) -> None:
    ran = place.run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Error: " in ran.err
    assert "Traceback" not in ran.err


def test_no_topology_is_wrong_usage(tmp_path: Path) -> None:
    ran = Place(path=tmp_path).run("plan")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: there is no topology.yaml in ")


def test_shared_options_may_stand_before_the_command(place: Place) -> None:
    before = place.run("-C", str(place.path), "--broker=broker.json", "-v", "plan")
    after = place.run("plan", "-v", "-C", str(place.path), "--broker", "broker.json")
    assert (before.code, before.out) == (after.code, after.out) == (0, after.out)


def test_a_traceback_only_when_asked_for(place: Place) -> None:
    assert "Traceback" not in place.run("plan", "-C", "nowhere").err
    for arguments in (("--debug", "plan", "-C", "nowhere"), ("plan", "-C", "nowhere", "--debug")):
        assert "Traceback (most recent call last):" in place.run(*arguments).err


def test_a_bug_says_so(place: Place) -> None:
    """A broken installation stands for a bug: the package's own data read fails in an unforeseen way."""
    bug = (
        "import sys, proca_topo.spec.topology_file as r; r.read_topology = lambda d: 1 / 0; "
        "sys.argv[1:] = ['validate'{}];"
    )
    run = "from proca_topo.cli.main import main; sys.exit(main())"
    ran = _python(place, bug.format("") + run)
    assert ran.returncode == 1
    assert ran.stderr == (
        "error: this is a bug in proca-topo: ZeroDivisionError at <string>:1.\n"
        "Run the same command with --debug for the traceback, and report that.\n"
    )
    assert "ZeroDivisionError: division by zero" in _python(place, bug.format(", '--debug'") + run).stderr


def test_passwords_are_masked_even_in_a_traceback(place: Place) -> None:
    bug = (
        "import sys, proca_topo.spec.topology_file as r\n"
        "def fail(d): raise RuntimeError('http://user:hidden@host hushhush')\n"
        "r.read_topology = fail; sys.argv[1:] = ['validate', '--debug']\n"
        "from proca_topo.cli.main import main; sys.exit(main())"
    )
    err = _python(place, bug, PROCA_TOPO_PASSWORD="hushhush").stderr
    assert "RuntimeError: http://user:***@host ***" in err
    assert not {"hidden@", "hushhush'"} & set(err.split())


def test_a_reader_that_has_enough_is_no_error(place: Place) -> None:
    for number in range(2000):
        place.write_org(
            f"org{'abcdefghij'[number % 10]}{'x' * 3}{chr(97 + number // 10 % 26)}{chr(97 + number // 260)}"
        )
    done = subprocess.run(
        ["sh", "-c", f"'{COMMAND}' plan | head -1"],
        cwd=place.path,
        env={**clean_environment(), "PROCA_TOPO_BROKER": "broker.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "Plan for vhost proca on broker.json\n"
    assert done.stderr == ""


def test_colours_only_where_they_are_wanted(place: Place) -> None:
    assert "\x1b[" not in place.run("plan").out
    assert "\x1b[32m  + exchange confirm (topic)\x1b[0m\n" in place.run("plan", FORCE_COLOR="1").out
    assert "\x1b[" not in place.run("plan", FORCE_COLOR="1", NO_COLOR="1").out


def test_an_encoding_without_the_letter_does_not_stop_anything(place: Place) -> None:
    place.write_broker(queues=[{"name": "system.é", "durable": True, "auto_delete": False, "arguments": {}}])
    ran = place.run("plan", PYTHONIOENCODING="ascii")
    assert ran.code == 0
    assert "system.\\xe9" in ran.out


def _python(place: Place, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=place.path,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
