"""Which routing keys a binding lets through."""


def topic_matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange routes `key` by a binding with `pattern`: `*` is one word, `#` any number.

    Words are what stands between dots; a word may be empty.
    """
    words = key.split(".") if key else []
    # The positions in the key up to which the pattern, as far as it is read, can have matched.
    reached = {0}
    for part in pattern.split(".") if pattern else []:
        match part:
            case "#":
                reached = set(range(min(reached), len(words) + 1))
            case "*":
                reached = {position + 1 for position in reached if position < len(words)}
            case _:
                reached = {p + 1 for p in reached if p < len(words) and words[p] == part}
        if not reached:
            return False
    return len(words) in reached
