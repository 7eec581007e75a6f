"""A picture at a terminal that is drawn anew again and again."""

import time
from collections.abc import Callable, Sequence

from proca_topo.errors import BrokerError
from proca_topo.render.lines import Line, Role, wrapped
from proca_topo.topology.names import one_line


def redrawn(picture: Callable[[], Sequence[Line]], *, every_seconds: float) -> None:
    """Show the lines until Ctrl-C. A broker that does not answer for a while is told, and asked again."""
    from rich.console import Console
    from rich.live import Live

    from proca_topo.render.terminal import as_rich

    lines = picture()
    with Live(console=Console(), auto_refresh=False) as live:
        try:
            trouble: list[Line] = []
            while True:
                now = Line(f"{time.strftime('%H:%M:%S')}, every {every_seconds:g} s until Ctrl-C", Role.DETAIL)
                text = as_rich([now, *trouble, *lines])
                # A name that is too long for the terminal must not push what is below it out of the picture.
                text.no_wrap, text.overflow = True, "ellipsis"
                live.update(text, refresh=True)
                time.sleep(every_seconds)
                try:
                    lines, trouble = picture(), []
                except BrokerError as error:
                    trouble = [*wrapped(f"not current: {one_line(str(error))}", Role.FAILURE)]
        except KeyboardInterrupt:
            pass  # how it is meant to end
