"""The entry point. It imports next to nothing: `--version` answers at once."""

import gc
import os
import sys

# Python would search all objects for garbage again and again while tens of thousands are made, none of which is.
# A twentieth of the start, and a fifth of a plan of 5,000 orgs.
_OBJECTS_BETWEEN_SEARCHES = 100_000


def program() -> None:
    """The command: `main`, and out. Python would first take tens of thousands of objects apart, one by one."""
    try:
        code = main()
    except KeyboardInterrupt:
        code = _interrupted()
    from contextlib import suppress

    for stream in (sys.stdout, sys.stderr):
        # Where it is closed, or nobody reads it any more, what matters was written and flushed before.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    os._exit(code)


def prepare() -> None:
    """Set Python up for one command."""
    gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)


def _end_at_once_if_interrupted() -> None:
    """Until a command begins. An exception would get lost in what Python and typer do by then."""
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where whoever started us ignores it
        signal.signal(signal.SIGINT, lambda *_: os._exit(_interrupted()))


def _interrupted() -> int:
    from contextlib import suppress

    # Python has None there if it was started with stderr closed. If it is gone nobody misses the words.
    with suppress(AttributeError, OSError):
        os.write(sys.stderr.fileno(), b"Interrupted before anything was begun.\n")
    return 130


def main() -> int:
    """Run the command line of this process; the result is its exit code."""
    prepare()
    arguments = sys.argv[1:]
    if arguments == ["--version"] and sys.stdout:  # started with stdout closed, Python has None there
        from proca_topo import version

        try:
            sys.stdout.write(f"proca-topo {version()}\n")
            sys.stdout.flush()
        except OSError:
            pass  # said below, as for every other command
        else:
            return 0
    _end_at_once_if_interrupted()
    from proca_topo.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    program()
