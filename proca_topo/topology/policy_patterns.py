"""Policies' patterns, which RabbitMQ matches with PCRE over the bytes of a name, without PCRE's Unicode mode."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final
from warnings import catch_warnings, simplefilter

from proca_topo.topology.backtracking import backtracks_without_end

# What Python and PCRE certainly read alike. More may be: leaving it out costs no more than a cautious answer.
_READ_ALIKE: Final = re.compile(
    rb"""(?:
      [^\x00-\x1f\\^$.|()\[*+?{] | [.^$|]
    | \\ (?: [dDsSwW] | b (?! [*+?{] ) | [!-/:-@\[-`{-~] )
    | \[ \^? -?
        (?: [0-9]-[0-9] | [a-z]-[a-z] | [A-Z]-[A-Z] | \\[dDsSwW!-/:-@\[-`{-~] | [^\x00-\x1f\\\[\]\-^&~|] )+
      -? \]
    | \( (?: \?[:=!] | (?! [?*] ) ) | \)
    | (?: [*+?] | \{ [0-9]{1,3} (?: , [0-9]{0,3} )? \} ) \?? (?! [*+?{] )
    )*""",
    re.VERBOSE,
)
# A repeated group that is a look ahead, or has one in it, is not certain to be.
_LOOKS_AHEAD: Final = re.compile(rb"\(\?[=!]")
_REPEATED_GROUP: Final = re.compile(rb"\)[*+?{]")
# Which bytes above 127 are of a word depends on Erlang: Latin-1's letters on 3.10 and 4.0, none on 4.3 (measured).
_ASKS_FOR_WORDS: Final = re.compile(rb"\\[wWb]")

_WRONG_IN_PCRE_TOO: Final = ("missing )", "unbalanced parenthesis", "unterminated character set")

_ONE_NAME: Final = re.compile(r"\^((?:[A-Za-z0-9_ -]|\\[!-/:-@\[-`{-~])*)\$", re.ASCII)
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class PolicyPattern:
    """A pattern as far as Python reads it as RabbitMQ does; `regex` is None if that is not certain."""

    regex: re.Pattern[bytes] | None

    def is_certain_of(self, name: str) -> bool:
        """Whether RabbitMQ's answer for this name is known."""
        return self.regex is not None and (name.isascii() or _ASKS_FOR_WORDS.search(self.regex.pattern) is None)

    def may_match(self, name: str) -> bool:
        """Whether a policy of this pattern is for this name, or may be where that is not known."""
        return self.regex is None or not self.is_certain_of(name) or self.regex.search(_bytes(name)) is not None


# A policy for each org is thousands of patterns, each asked about many times; `re` itself remembers 512.
@cache
def compiled(pattern: str) -> PolicyPattern:
    """A policy's pattern, to be asked about names."""
    text = _bytes(pattern)
    if _READ_ALIKE.fullmatch(text) is None or (_LOOKS_AHEAD.search(text) and _REPEATED_GROUP.search(text)):
        return PolicyPattern(None)
    try:
        regex = re.compile(text)
        # PCRE gives up after a while, and then the policy is not for that name.
        return PolicyPattern(None if backtracks_without_end(text) else regex)
    except re.error:
        return PolicyPattern(None)  # parentheses that do not pair, or what PCRE takes all the same: `^*`


def certainly_wrong(pattern: str) -> str | None:
    """What RabbitMQ would refuse in a pattern, in words; None also for what only Python does not know of PCRE."""
    if pattern[:1] in {"*", "+", "?"}:
        return f"there is nothing before the {pattern[:1]} that could be repeated; for any name write .*"
    try:
        with catch_warnings():
            simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        # The first that it meets: what stands behind an escape or a group of PCRE's own is not looked at.
        return str(error) if error.msg.startswith(_WRONG_IN_PCRE_TOO) else None
    return None


@cache
def only_name(pattern: str) -> str | None:
    """The one name that a pattern matches (but for a line feed at its end); None if it may match others."""
    found = _ONE_NAME.fullmatch(pattern)
    return None if found is None else _ESCAPED.sub(r"\1", found[1])


def _bytes(text: str) -> bytes:
    # A definitions file can hold half a surrogate pair; RabbitMQ cannot.
    return text.encode(errors="surrogatepass")
