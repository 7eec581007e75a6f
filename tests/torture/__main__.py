"""`python -m tests.torture`: see random_rounds."""

import argparse
import logging
import secrets
import sys

from tests.brokers.versions import selected
from tests.torture import random_rounds
from tests.torture.tally import Tally


def main() -> int:
    """Play; the exit code is 1 if something was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture", description="Replace queues while all goes wrong."
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    chosen = parser.parse_args()
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    tally, failed = Tally(), False
    try:
        random_rounds.play_for(chosen.minutes, chosen.seed, tally)
    except AssertionError as failure:
        sys.stderr.write(f"{failure}\n")
        failed = True
    finally:
        sys.stdout.write(f"RabbitMQ {selected()}, seed {chosen.seed}: {tally}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
