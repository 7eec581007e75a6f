"""How AMQP 0-9-1 lays out frames (4.2.3), the header of a message (4.2.6.1) and short texts (4.2.5.3)."""

import struct
from typing import Final

FRAME: Final = struct.Struct(">BHI")
"""What a frame begins with: its type, its channel and the size of what is in it."""
END: Final = b"\xce"
"""What it ends with."""
AROUND: Final = FRAME.size + len(END)
"""How many bytes a frame is longer than what is in it."""
HEADER: Final = struct.Struct(">HHQ")
"""What a message's header begins with: a class, a weight and the size of the body."""


def frame_needed(properties: bytes) -> int:
    """How large a frame has to be for a message's header, which cannot be divided, in bytes."""
    return AROUND + HEADER.size + len(properties)


def short(text: str | bytes) -> bytes:
    """A text with its length before it: at most 255 bytes. What is not UTF-8 pika leaves as bytes."""
    encoded = text if isinstance(text, bytes) else text.encode()
    return bytes([len(encoded)]) + encoded
