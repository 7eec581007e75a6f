"""Run a command and print its seconds, its peak memory in KiB and its exit code.

    python -S bench/launch.py COMMAND...

In a small process of its own, because Linux counts for a command the memory that whoever starts it has by then.
"""

import os
import sys
import time


def main(command: list[str]) -> None:
    """Standard output of the command is thrown away, standard error kept."""
    answers = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    os.write(answers, f"{seconds} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
