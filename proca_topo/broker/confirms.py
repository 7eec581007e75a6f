"""Which of the messages that were published on one channel RabbitMQ has taken for good."""

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Confirms:
    """The publishes of one channel, numbered from 1 as RabbitMQ numbers them in its answers.

    | answer                  | what it tells here                                                              |
    |-------------------------|---------------------------------------------------------------------------------|
    | ack                     | this one is in its queue                                                        |
    | ack, multiple           | all up to this one are, unless one before was refused: such an ack jumps over it |
    | nack                    | this one is not, and nothing after it counts                                    |
    | return, and then an ack | nobody is bound: the ack that follows means nothing, nor tells which one it was |
    """

    published: int = 0
    confirmed: int = 0
    """All of the first so many are confirmed."""
    is_refused: bool = False
    """Whether a queue did not take a message."""
    is_returned: bool = False
    """Whether a message came back because no queue is bound for it."""
    _ahead: set[int] = field(default_factory=set)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way."""
        return self.published == self.confirmed

    def ack(self, number: int, *, multiple: bool) -> None:
        """RabbitMQ confirms."""
        if self.is_returned:
            return
        if not multiple:
            self._ahead.add(number)
        elif not self.is_refused:
            self.confirmed = max(self.confirmed, number)
            self._ahead = {ahead for ahead in self._ahead if ahead > number}
        while self.confirmed + 1 in self._ahead:
            self.confirmed += 1
            self._ahead.remove(self.confirmed)

    def nack(self) -> None:
        """RabbitMQ refuses one, or several."""
        self.is_refused = True

    def come_back(self) -> None:
        """RabbitMQ returns one."""
        self.is_returned = True
