"""httpx without its command line.

Where rich is installed `import httpx` loads it, pygments and click for httpx's own command line, which takes
longer than a whole plan of one org does at the broker. Without these three httpx goes without its command line;
it is told here that they are not there.
"""

import sys

__all__ = ["httpx"]

if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]  # None makes an import fail
    import httpx

    del sys.modules["httpx._main"]
else:
    import httpx
