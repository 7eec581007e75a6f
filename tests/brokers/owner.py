"""A process that owns a node, for tests of what becomes of the node when the process ends.

    python -m tests.brokers.owner return|wait

Tells the node's pid and directory as a line of JSON once it is ready, then exits without closing it, or waits.
"""

import json
import sys
import time

from proca_topo.sandbox.node import Node
from tests.brokers.versions import selected


def main() -> None:
    node = Node.start(selected().installation())
    sys.stdout.write(json.dumps({"pid": node.pid, "directory": str(node.directory)}) + "\n")
    sys.stdout.flush()
    if sys.argv[1] == "wait":
        time.sleep(600)


if __name__ == "__main__":
    main()
