"""The entry point. It imports next to nothing: `--version` answers at once."""

import sys


def main() -> int:
    """Run the command line of this process; the result is its exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"] and sys.stdout:  # started with stdout closed, Python has None there
        from proca_topo import version

        try:
            sys.stdout.write(f"proca-topo {version()}\n")
            sys.stdout.flush()
        except OSError:
            pass  # said below, as for every other command
        else:
            return 0
    from proca_topo.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
