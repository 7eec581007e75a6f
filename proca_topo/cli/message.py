"""The body of a message from the command line, a file or stdin."""

import json
import sys
from pathlib import Path

from proca_topo.errors import UsageError
from proca_topo.topology.names import shown


def message_from(text: str | None, file: str | None) -> bytes:
    """The message, as it was given. Raises UsageError if it is not JSON, given twice, or cannot be read."""
    if text is not None and file is not None:
        raise UsageError("the message is given twice: as an argument and with --file")
    if text is not None:
        return _checked(text.encode("utf-8", "surrogateescape"), "the argument")
    if file is not None and file != "-":
        return _checked(_contents(file), file)
    if file is None and sys.stdin.isatty():
        raise UsageError("no message: give it as an argument, with --file FILE, or on stdin")
    return _checked(sys.stdin.buffer.read(), "stdin")


def _contents(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {shown(file)}: {error.strerror}") from error


def _checked(body: bytes, source: str) -> bytes:
    if not body.strip():
        raise UsageError(f"{shown(source)} is empty: a message is one JSON value, if only {{}}")
    try:
        json.loads(body.decode("utf-8"), parse_constant=_refused)
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(source)} is not JSON: byte {error.start + 1} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{shown(source)}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise UsageError(f"{shown(source)} is nested too deeply to be read as JSON") from error
    except ValueError as error:
        raise UsageError(f"{shown(source)} is not JSON: {error}") from error
    return body


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")
