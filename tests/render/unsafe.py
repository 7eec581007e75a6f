"""What must not come out."""

import unicodedata


def assert_harmless(text: str) -> None:
    """Nothing in it moves a cursor, reorders a line or forges one."""
    bad = {char for char in text if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"}}
    assert not bad, f"unsafe characters came out: {bad!r}"
    assert not any(line.startswith("y") for line in text.splitlines()), "a name forged a line"
