"""Files that are written whole or not at all, where links to them lead."""

import os
from contextlib import suppress
from pathlib import Path


def where_links_lead(file: Path) -> Path:
    """The file that is meant. `Path.resolve` fails at a link that leads to itself; here it is that link."""
    return Path(os.path.realpath(file))


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the permissions that it had, and the owner where we may give it.

    Raises OSError.
    """
    import tempfile  # no command that only shows something waits for it

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            was = path.stat()
            with suppress(PermissionError):
                os.chown(temporary, was.st_uid, was.st_gid)
            temporary.chmod(was.st_mode & 0o7777)
        else:
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
