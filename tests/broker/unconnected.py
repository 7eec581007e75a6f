"""A connection of pika's on no socket."""

from collections.abc import Callable

from pika import SelectConnection, frame, spec


def unconnected(frame_max: int, emit: Callable[[bytes], None]) -> SelectConnection:
    """One that has agreed on the size of its frames. `emit` is given what it would write to its socket."""

    class Unconnected(SelectConnection):  # type: ignore[misc]  # pika has no types
        def _adapter_emit_data(self, data: bytes) -> None:
            emit(data)

    connection = Unconnected(internal_connection_workflow=False)
    connection._on_connection_tune(frame.Method(0, spec.Connection.Tune(0, frame_max, 0)))  # noqa: SLF001
    return connection
