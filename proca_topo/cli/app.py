"""The commands, and the one place where errors become words and exit codes."""

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer

from proca_topo.cli import output
from proca_topo.cli.options import DEBUG, hoisted, with_interval, without_debug
from proca_topo.errors import ExitCode, ProcaTopoError, ReaderGoneError, SpecError

_COMMANDS: Final = (
    "plan",
    "apply",
    "status",
    "validate",
    "graph",
    "trace",
    "test",
    "add-org",
    "remove-org",
    "orgs",
    "export",
    "push",
    "sandbox",
)
"""Each is a function in the module of the same name."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

_INTERRUPTED: Final = "Interrupted. Nothing is half-done that running the same command again would not finish."


class Stopped(BaseException):
    """A signal ended the command. No error, so that nothing but clean-up happens on its way up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(arguments: Sequence[str]) -> int:
    """Run one command line. The result is the process's exit code."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        return _run(arguments)
    except Stopped as stopped:
        _end_by_signals()  # where nobody reads these words
        output.say(_INTERRUPTED)
        return 128 + stopped.number
    finally:
        _end_by_signals()


def _run(arguments: Sequence[str]) -> int:
    options = without_debug(arguments)
    debug = len(options) < len(arguments)
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding does not have must not end an apply.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with warnings.catch_warnings():
            # Python warns of what it may read another way one day in policies' patterns, which are not Python's.
            warnings.simplefilter("ignore", FutureWarning)
            words = hoisted(with_interval(options))
            # A command that is named needs none of the others.
            named = [name for name in words[:1] if name in _COMMANDS]
            app(named or _COMMANDS)(args=words, prog_name="proca-topo")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except SpecError as error:
        output.say(str(error))
        output.say(f"error: the spec is invalid ({_count(len(error.problems), 'problem')})")
        return _ended(error.exit_code, debug=debug)
    except ProcaTopoError as error:
        if not isinstance(error, ReaderGoneError):
            output.say(f"error: {error}")
        return _ended(error.exit_code, debug=debug)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an exit code
        return _unexpected(error, debug=debug)
    return ExitCode.DONE


def _unexpected(error: Exception, *, debug: bool) -> int:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        # Our own words and results say this themselves; help is typer's.
        output.say(f"error: cannot write: {error.strerror}")
    else:
        output.say(f"error: this is a bug in proca-topo: {type(error).__name__} at {_place(error)}.")
        if not debug:
            output.say("Run the same command with --debug for the traceback, and report that.")
    return _ended(ExitCode.FAILED, debug=debug)


def _open_closed_streams() -> None:
    """Whoever starts a command with a stream closed wants nothing of it; Python has None there then."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - open as long as the process
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open as long as the process


def app(names: Iterable[str] = _COMMANDS) -> typer.Typer:
    """The command line, with these commands."""
    built = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    built.callback(invoke_without_command=True)(_root)
    for name in names:
        module = name.replace("-", "_")
        command = getattr(import_module(f"proca_topo.cli.{module}"), module)
        built.command(name=name)(_stoppable(command))
    return built


def _root(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[  # noqa: ARG001 - taken off before, from wherever it stands
        bool, typer.Option(DEBUG, help="With any command, anywhere: show the traceback of an error.")
    ] = False,
) -> None:
    """Topology as code for RabbitMQ.

    topology.yaml says which exchanges, queues, bindings and policies there should be, for all orgs and for each
    of them. `plan` shows what differs on the broker, `apply` changes that and nothing else.

    \b
      proca-topo plan
      proca-topo apply
      proca-topo add-org newcomer --with crm && proca-topo apply --org newcomer

    \b
    Environment:
      PROCA_TOPO_BROKER    management URL (by default http://127.0.0.1:15672),
                           or a definitions file
      PROCA_TOPO_AMQP      AMQP URL of that broker, if its port is unusual
      PROCA_TOPO_VHOST     vhost, where it is not the one in topology.yaml
      PROCA_TOPO_USERNAME  user, by default guest
      PROCA_TOPO_PASSWORD  password, by default guest
      SSL_CERT_FILE        certificate authorities that the system does not have
      NO_COLOR             no colours

    \b
    Exit codes:
      0  done, nothing pending
      1  failed: broker, network, or a bug
      2  wrong usage, or an invalid spec
      3  changes are pending (only with --detailed-exitcode)
      4  refused, nothing was done
      5  partly applied: what was and what was not is listed
      130, 143  interrupted by Ctrl-C, by SIGTERM
    """  # noqa: D301 - the escape makes the help text keep its lines
    if version:
        from proca_topo import version as installed

        output.result(f"proca-topo {installed()}\n")
        raise typer.Exit


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with Ctrl-C as a `Stopped`, and what comes behind it too: typer would swallow it."""

    @wraps(command)
    def stoppable(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever the command takes
        try:
            _on_interrupt(signal.default_int_handler)
            command(*args, **kwargs)
        except KeyboardInterrupt:
            raise Stopped(signal.SIGINT) from None
        finally:
            _on_interrupt(_stop)

    return stoppable


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)


def _end_by_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _on_interrupt(signal.SIG_DFL)


def _on_interrupt(handler: signal.Handlers | Callable[[int, FrameType | None], Any]) -> None:
    """Have Ctrl-C handled so, unless whoever started us wants it ignored."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _ended(code: ExitCode, *, debug: bool) -> int:
    if debug:
        output.say(output.without_secrets(traceback.format_exc()))
    return code


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
