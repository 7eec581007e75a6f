"""Line and column of a key path, for a file that has a problem."""

from dataclasses import dataclass, field
from typing import Final

import yaml


@dataclass(frozen=True, slots=True)
class Tree:
    """A file's YAML nodes."""

    root: yaml.Node | None
    # By a mapping's identity: looking through thousands of keys for each of thousands of problems takes minutes.
    _entries: dict[int, dict[object, tuple[yaml.Node, yaml.Node]]] = field(default_factory=dict, compare=False)

    def find(self, path: tuple[str | int, ...], *, on_key: bool) -> tuple[int, int, str | None]:
        """Line and column from 1, and the text of a plain (unquoted) scalar there.

        Where the path leads nowhere (the key is missing, or the YAML said it in another way), its nearest
        ancestor that exists.
        """
        node = self.root
        key: yaml.Node | None = None
        if node is None:
            return 1, 1, None
        pair: tuple[yaml.Node | None, yaml.Node] | None
        for step in path:
            match node:
                case yaml.MappingNode():
                    pair = self._entries_of(node).get(step)
                case yaml.SequenceNode(value=items) if isinstance(step, int) and step < len(items):
                    pair = (None, items[step])
                case _:
                    pair = None
            if pair is None:
                # For something missing inside a mapping the mapping's own key is the place to look at.
                on_key = True
                break
            key, node = pair
        chosen = key if on_key and key is not None else node
        plain = chosen.value if isinstance(chosen, yaml.ScalarNode) and not chosen.style else None
        return chosen.start_mark.line + 1, chosen.start_mark.column + 1, plain

    def _entries_of(self, node: yaml.MappingNode) -> dict[object, tuple[yaml.Node, yaml.Node]]:
        """The keys and values of a mapping by the keys' text; of two equal keys the first."""
        if id(node) not in self._entries:
            self._entries[id(node)] = {
                pair[0].value: pair for pair in reversed(node.value) if isinstance(pair[0], yaml.ScalarNode)
            }
        return self._entries[id(node)]


NO_TREE: Final = Tree(None)


def tree_of(text: str) -> Tree:
    """The nodes of a file; an empty tree if it is no YAML (that is a problem of its own, with its position)."""
    try:
        return Tree(yaml.compose(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return NO_TREE
