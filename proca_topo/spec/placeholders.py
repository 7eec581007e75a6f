"""Texts with `{org}` and variables in them: checked, filled in, and turned into regular expressions.

A literal brace is written twice, so that every text is a format string for `str.format_map`.
"""

import fnmatch
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from proca_topo.spec.problems import nearest
from proca_topo.topology.backtracking import backtracks_without_end
from proca_topo.topology.names import shown

ORG: Final = "org"

_BRACES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_QUANTIFIER: Final = re.compile(r"(?<!\{)\{([0-9]+(?:,[0-9]*)?|,[0-9]+)\}(?!\})")
# A pattern is used in the middle of names too, where anchors would never match.
_CLASS_OR_ESCAPE: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
_LOOKS_AROUND: Final = re.compile(r"[\^$]|\(\?<?[=!]")
_EDGE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\[AZbB]")
_META: Final = re.compile(r"[.^$*+?()\[\]{}|\\]")


def names_in(text: str) -> list[str]:
    """The placeholders in a text, in order."""
    return [match[1] for match in _BRACES.finditer(text) if match[1] is not None] if "{" in text else []


def wrong_with(text: str, known: Collection[str]) -> str | None:
    """What is wrong with the placeholders in `text`, in words; None if nothing is."""
    if "{" not in text and "}" not in text:
        return None
    for match in _BRACES.finditer(text):
        if match[0] in {"{", "}"}:
            return (
                f'a single {match[0]} in "{shown(text)}"; placeholders are like {{org}}, '
                f"and a literal {match[0]} is written {match[0] * 2}"
            )
        if match[1] is None or match[1] in known:
            continue
        if not known:
            return (
                f"{shown(match[0])} is a placeholder, and those stand in the org template only (below `org:`); "
                f"for literal braces write {shown('{' + match[0] + '}')}"
            )
        return f"unknown placeholder {shown(match[0])}{nearest(match[1], known)}"
    return None


def with_quantifiers(pattern: str) -> str:
    r"""A policy's pattern with the braces of `x{2}` doubled, so that only placeholders are single."""
    return _QUANTIFIER.sub(r"{{\1}}", pattern)


def escaped(text: str) -> str:
    """`text` as a regular expression that matches just it, in Python and in Erlang (PCRE)."""
    return _META.sub(r"\\\g<0>", text)


def regex_of_text(text: str, patterns: Mapping[str, str]) -> str:
    """A regular expression for all that a text can become."""
    return "".join(escaped(part) if literal else _grouped(patterns[part]) for part, literal in _parts(text))


def regex_of_glob(text: str, patterns: Mapping[str, str], *, named: bool = True) -> str:
    """A regular expression for an entry of `owns`: `*`, `?` and `[…]` as in file names.

    Placeholders become groups of their name, or (not `named`) just their patterns.
    """
    seen: set[str] = set()
    regex = ""
    for part, literal in _parts(text):
        if literal:
            # fnmatch anchors its translation; inside another expression it must not.
            regex += fnmatch.translate(part)[:-2] if is_glob(part) else escaped(part)
        elif not named:
            regex += _grouped(patterns[part])
        elif part in seen:
            regex += f"(?P={part})"
        else:
            seen.add(part)
            regex += f"(?P<{part}>{patterns[part]})"
    return regex


def is_glob(text: str) -> bool:
    """Whether a text has glob characters."""
    return any(char in text for char in "*?[")


def symbolic(text: str, names: Collection[str]) -> str:
    """A text with a token in the place of each placeholder, for comparing templates with templates."""
    return text.format_map({name: token(name) for name in names})


def token(name: str) -> str:
    """What stands for a placeholder in symbolic names: characters that Unicode leaves to private use."""
    return f"\U000f0000{name}\U000f0001"


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Literal parts (True) and placeholders (False) of a text, in order."""
    literal, last = "", 0
    for match in _BRACES.finditer(text):
        literal += text[last : match.start()]
        last = match.end()
        if match[1] is None:
            literal += match[0][0]
            continue
        if literal:
            yield literal, True
        literal = ""
        yield match[1], False
    literal += text[last:]
    if literal:
        yield literal, True


def _grouped(pattern: str) -> str:
    return f"(?:{pattern})" if "|" in pattern else pattern


def wrong_with_regex(pattern: str) -> str | None:
    """Why `pattern` cannot be the pattern of a placeholder, in words; None if it can."""
    try:
        compiled = re.compile(pattern)
        re.compile(f"(?P<placeholder>{pattern})")
    except re.error as error:
        return f"{shown(pattern)} is no regular expression: {error}"
    if compiled.groupindex:
        return f"{shown(pattern)} has a named group; write (?:…) instead of (?P<name>…)"
    if _LOOKS_AROUND.search(_CLASS_OR_ESCAPE.sub("", pattern)) or _EDGE.search(pattern):
        return f"{shown(pattern)} looks around the value; leave out ^, $ and the like: the whole value must match"
    if backtracks_without_end(pattern):
        return (
            f"{shown(pattern)} can take for ever to tell that a value does not match: it repeats what is a repeat "
            "itself; leave one, or repeat what begins with a sign of its own, as in [a-z]+(-[a-z]+)*"
        )
    if compiled.fullmatch("") is not None:
        return f"{shown(pattern)} also matches the empty text; a value must have at least one character"
    return None
