"""Line and column of a key path, for a file that has a problem."""

from dataclasses import dataclass
from typing import Final

import yaml


@dataclass(frozen=True, slots=True)
class Tree:
    """A file's YAML nodes."""

    root: yaml.Node | None

    def find(self, path: tuple[str | int, ...], *, on_key: bool) -> tuple[int, int, str | None]:
        """Line and column from 1, and the text of a plain (unquoted) scalar there.

        Where the path leads nowhere (the key is missing, or the YAML said it in another way), its nearest
        ancestor that exists.
        """
        node, key = self.root, None
        if node is None:
            return 1, 1, None
        for step in path:
            match node:
                case yaml.MappingNode(value=pairs):
                    pair = next((pair for pair in pairs if pair[0].value == step), None)
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


NO_TREE: Final = Tree(None)


def tree_of(text: str) -> Tree:
    """The nodes of a file; an empty tree if it is no YAML (that is a problem of its own, with its position)."""
    try:
        return Tree(yaml.compose(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return NO_TREE
