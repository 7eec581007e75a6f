"""A YAML text as plain data, without YAML's surprises.

PyYAML's constructor silently keeps the last of two equal keys, reads `no` as false, `010` as eight and `1:30` as
ninety. So the nodes that libyaml composes are turned into data here: only text, whole and decimal numbers, true,
false, null, lists and mappings with text for keys; everything else is a problem with its position.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from proca_topo.spec.problems import Position, Problem
from proca_topo.topology.names import NO_TEXT, one_line, shown

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_INT: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_PLAIN_INT_OF_ANY_SIZE: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_PLAIN_FLOAT: Final = re.compile(r"-?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?")
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TRUE: Final = frozenset({"yes", "true", "on"})
_MAX_INT: Final = 2**63 - 1
_MAX_DEPTH: Final = 64
_MAX_VALUES: Final = 1_000_000
# libyaml composes by recursion and overflows the C stack at tens of thousands of levels; a shorter text has fewer.
_SURELY_SHALLOW: Final = 10_000
_UNQUOTED_PLACEHOLDER: Final = re.compile(r"(^|[\s:,\[-])\{\w+\}")
_INDICATORS: Final = frozenset("@`%|>&!")
_UNQUOTED_STAR: Final = re.compile(r"(^|[\s:,\[-])\*")


def load_yaml(text: str, file: str) -> tuple[Any, list[Problem]]:
    """The data in `text` (None if there is none) and what is wrong with it as YAML."""
    if len(text) > _SURELY_SHALLOW and (position := _too_deep(text, file)) is not None:
        return None, [Problem(where=position, text=_DEEP)]
    try:
        # The C loader, whose composer is safe; its constructor is not used.
        node = yaml.CSafeLoader(text).get_single_node()
    except yaml.YAMLError as error:
        if (position := _beyond_libyaml(error, text, file)) is not None:
            return None, [Problem(where=position, text=_DEEP)]
        return None, [_syntax_problem(error, text, file)]
    if node is None:
        return None, []
    reader = _Reader(file=file)
    try:
        return reader.value(node, 0), reader.problems
    except _TooMuchError as error:
        return None, [Problem(where=_position(error.node, file), text=error.text)]


_DEEP: Final = f"nested more than {_MAX_DEPTH} levels deep; no spec needs that"


class _TooMuchError(Exception):
    def __init__(self, node: yaml.Node, text: str) -> None:
        super().__init__(text)
        self.node = node
        self.text = text


@dataclass(slots=True, kw_only=True)
class _Reader:
    file: str
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def value(self, node: yaml.Node, depth: int) -> Any:  # noqa: ANN401 - any YAML value
        # Anchors let a short text stand for an endless or enormous one.
        self.values += 1
        if depth >= _MAX_DEPTH and isinstance(node, yaml.CollectionNode):
            raise _TooMuchError(node, _DEEP)
        if self.values > _MAX_VALUES:
            raise _TooMuchError(node, "its anchors multiply to more than a million values")
        tag = node.tag.removeprefix(_TAG)
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, tag)
            case yaml.SequenceNode() if tag == "seq":
                return [self.value(item, depth + 1) for item in node.value]
            case yaml.MappingNode() if tag == "map":
                return self._mapping(node, depth)
        self._problem(node, f"the YAML tag {shown(node.tag)} is not used in a spec; remove it")
        return None

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        table: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, "a key must be text; a name with {…} in it needs quotes")
                continue
            key = key_node.value
            match key_node.tag.removeprefix(_TAG):
                case "str" | "value":
                    pass
                case "merge":
                    self._merge(merged, value_node, depth)
                    continue
                case other:
                    called = shown(key) or NO_TEXT
                    self._problem(key_node, f"the key {called} is {_kind(other)} in YAML; {_quoted(key)}")
            if key in table:
                self._problem(key_node, f"the key {shown(key) or NO_TEXT} is here twice; keep one")
            table[key] = self.value(value_node, depth + 1)
        return {**merged, **table} if merged else table

    def _merge(self, merged: dict[str, Any], node: yaml.Node, depth: int) -> None:
        sources = self.value(node, depth + 1)
        for source in sources if isinstance(sources, list) else [sources]:
            if not isinstance(source, dict):
                self._problem(node, "`<<` merges mappings only")
                return
            for key, value in source.items():
                merged.setdefault(key, value)

    def _scalar(self, node: yaml.ScalarNode, tag: str) -> Any:  # noqa: ANN401 - any YAML scalar
        text: str = node.value
        match tag:
            case "str" | "value":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int" if _PLAIN_INT.fullmatch(text) is not None and abs(number := int(text)) <= _MAX_INT:
                return number
            case "float" if _PLAIN_FLOAT.fullmatch(text) is not None and math.isfinite(decimal := float(text)):
                return decimal
            case "int" | "float":
                self._problem(node, f"{_odd_number(text)}, or {_quoted(text)}")
            case "timestamp":
                self._problem(node, f"{shown(text)} is a date in YAML; {_quoted(text)}")
            case _:
                self._problem(node, f"the YAML tag {shown(node.tag)} is not used in a spec; remove it")
        return text

    def _problem(self, node: yaml.Node, text: str) -> None:
        self.problems.append(Problem(where=_position(node, self.file), text=text))


def _quoted(text: str) -> str:
    return f'for text put it in quotes: "{one_line(text)}"'


def _odd_number(text: str) -> str:
    if _PLAIN_INT_OF_ANY_SIZE.fullmatch(text) is not None:
        return f"{shown(text)} is too large a number for RabbitMQ; write a smaller one"
    if ":" in text:
        why = f"YAML reads {shown(text)} in base sixty"
    elif text.lstrip("+-").startswith("0") and text.lstrip("+-").isdigit():
        why = f"YAML reads {shown(text)} in base eight"
    else:
        why = f"{shown(text)} is no plain number"
    return f"{why}; write a plain decimal number"


def _kind(tag: str) -> str:
    return {"bool": "true or false", "int": "a number", "float": "a number", "null": "nothing",
            "timestamp": "a date"}.get(tag, "no text")  # fmt: skip


def _position(node: yaml.Node, file: str) -> Position:
    return _at(node.start_mark, file)


def _at(mark: Any, file: str) -> Position:  # noqa: ANN401 - libyaml's marks and PyYAML's have no common type
    return Position(file=file, line=mark.line + 1, column=mark.column + 1)


def _too_deep(text: str, file: str) -> Position | None:
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    mark = event.start_mark
                    return _at(mark, file)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError as error:
        return _beyond_libyaml(error, text, file)  # if it is another error, composing meets it too, and tells it
    return None


def _beyond_libyaml(error: yaml.YAMLError, text: str, file: str) -> Position | None:
    """Where `text` gets too deep, if `error` is libyaml's own limit on that; not every libyaml has one.

    Its scanner reads ahead, so that it fails before it tells of the level at which we stop.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is None or "nesting depth" not in str(getattr(error, "problem", "")):
        return None
    return _too_deep(text[: mark.index], file) or _at(mark, file)


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position] if isinstance(error.position, int) else ""
        position = Position(file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        return Problem(where=position, text=f"not YAML: {error.reason}; remove the character")
    mark = getattr(error, "problem_mark", None)
    what = one_line(str(getattr(error, "problem", None) or "it cannot be read"))
    if mark is None:
        return Problem(where=Position(file=file), text=f"not YAML: {what}")
    context, began = str(getattr(error, "context", None)), getattr(error, "context_mark", None)
    if "simple key" in context and began is not None:
        mark = began  # that a key is none shows only in the line behind it
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = _hint(line, mark.column, what)
    if not hint and began is not None and began.index < mark.index and ("flow" in context or "quoted" in context):
        hint = f"; is what begins at {began.line + 1}:{began.column + 1} closed?"
    position, filled = _at(mark, file), _LINE_BREAK.split(text.rstrip())
    if position.line > len(filled):
        # At the end of a text libyaml counts one more line, where there is nothing to see.
        position = Position(file=file, line=len(filled), column=len(filled[-1]) + 1)
        hint = hint or "; here the file ends: is everything closed?"
    return Problem(where=position, text=f"not YAML: {what}{hint}")


def _hint(line: str, column: int, what: str) -> str:
    """What most likely has to be done about a syntax error on this line."""
    at = line[column : column + 1]
    hints = (
        (at == "\t", "indent with spaces, not tabs"),
        (_UNQUOTED_PLACEHOLDER.search(line) is not None, 'a text that starts with {…} needs quotes: "{org}.crm"'),
        (_UNQUOTED_STAR.search(line) is not None, 'a text that starts with * needs quotes: "*.system.supporter"'),
        (at in _INDICATORS, f"a text that starts with {at} needs quotes"),
        (
            "mapping values are not allowed" in what,
            'a text with ": " in it needs quotes; or the indentation is off',
        ),
        ("single document" in what or line.startswith("---"), "one file holds one document"),
    )
    return next((f"; {hint}" for applies, hint in hints if applies), "")
