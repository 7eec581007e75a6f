"""The command line: one module a command, each of which parses, calls, renders and exits. No decisions.

Heavy modules are imported inside the functions, so that `--help` and small commands start at once.
"""
