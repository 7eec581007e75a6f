"""Where a replacement is between two steps: the places that a test may have it killed at."""


def reached(step: str) -> None:
    """The step of this name comes next, or none does ("done"). Does nothing: a test replaces it."""
