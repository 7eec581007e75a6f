"""pika's connection, with one channel's messages going through a `Passage`. Imported only together with pika."""

from collections.abc import Callable

from pika import SelectConnection
from pika.frame import decode_frame

from proca_topo.broker.message_passage import FRAME_HEAD, FRAME_OVERHEAD, Passage


class MessageConnection(SelectConnection):  # type: ignore[misc]  # pika has no types
    """A SelectConnection that hands the frames of messages, confirms and returns to `passage`, once it is set.

    `received` is called after each read from the socket.
    """

    _frame_buffer: bytes
    passage: Passage | None = None
    received: Callable[[], None]
    broken_by: Exception | None = None
    """What was raised while something that came was dealt with, and ended the connection."""

    def abort(self) -> None:
        """Close the socket without a word. The closing is told as any other."""
        if not self.is_closed:
            self._adapter_disconnect_stream()

    def _on_data_available(self, data_in: bytes) -> None:
        try:
            if self.passage is None:
                super()._on_data_available(data_in)
            else:
                self._take_in(data_in, self.passage)
        except Exception as error:
            self.broken_by = self.broken_by or error
            raise

    def _take_in(self, data_in: bytes, passage: Passage) -> None:
        buffer: bytes = self._frame_buffer + data_in
        # What pika does with a frame may end the connection, which must not find it in the buffer again.
        self._frame_buffer = b""
        self.bytes_received += len(data_in)  # which tells pika that the broker is alive
        start = 0
        while len(buffer) - start >= FRAME_OVERHEAD:
            _, channel, size = FRAME_HEAD.unpack_from(buffer, start)
            end = start + size + FRAME_OVERHEAD
            if end > len(buffer):
                break
            frame = buffer[start:end]
            start = end
            if channel != passage.channel or not passage.take_in(frame):
                self._process_frame(decode_frame(frame)[1])
        self._frame_buffer = buffer[start:]
        if (outgoing := passage.outgoing()) and self.is_open:
            self.bytes_sent += len(outgoing)
            self._adapter_emit_data(outgoing)
        if self.is_open:
            self.received()
