"""`python -m tests.torture`: see random_rounds."""

import argparse
import logging
import secrets
import sys

from tests.torture import random_rounds


def main() -> int:
    """Play; the exit code is 1 if something was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture", description="Replace queues while all goes wrong."
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    chosen = parser.parse_args()
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        random_rounds.play_for(chosen.minutes, chosen.seed)
    except AssertionError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
