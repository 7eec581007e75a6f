"""A process that owns a node, for tests of what becomes of the node when the process ends.

    python -m tests.brokers.owner

Tells the node's pid and directory as a line of JSON once it is ready. When its standard input ends, it ends too,
without closing the node.
"""

import json
import sys

from proca_topo.sandbox.node import Node
from tests.brokers.versions import selected


def main() -> None:
    node = Node.start(selected().installation())
    sys.stdout.write(json.dumps({"pid": node.pid, "directory": str(node.directory)}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
