"""Which of the messages that were published RabbitMQ has taken."""


class Confirms:
    """The publishes of one channel, numbered from 1, and the broker's answers to them, in whatever order."""

    def __init__(self) -> None:
        self.published = 0
        # All up to this one are answered, and these beyond it.
        self._through = 0
        self._beyond: set[int] = set()
        self._rejected: set[int] = set()

    @property
    def answered(self) -> int:
        """How many are answered."""
        return self._through + len(self._beyond)

    @property
    def is_complete(self) -> bool:
        """Whether every one is answered."""
        return self._through == self.published

    @property
    def taken_through(self) -> int:
        """The last one up to which all are taken."""
        return min(self._through, min(self._rejected) - 1) if self._rejected else self._through

    @property
    def taken_apart(self) -> list[int]:
        """Those that are taken behind one that is not."""
        known = self._beyond.union(range(self.taken_through + 1, self._through + 1))
        return sorted(known - self._rejected)

    def take(self, number: int, *, multiple: bool) -> None:
        """RabbitMQ has taken this one, or all up to it that had no answer yet."""
        self._answer(number, multiple=multiple)

    def reject(self, number: int, *, multiple: bool) -> None:
        """RabbitMQ has not taken this one, or none up to it that had no answer yet."""
        first = self._through + 1 if multiple else number
        self._rejected.update(one for one in range(first, number + 1) if one not in self._beyond)
        self._answer(number, multiple=multiple)

    def _answer(self, number: int, *, multiple: bool) -> None:
        if multiple and number > self._through:
            self._through = number
            self._beyond = {one for one in self._beyond if one > number}
        elif number == self._through + 1:
            self._through = number
        elif number > self._through:
            self._beyond.add(number)
        while self._through + 1 in self._beyond:
            self._through += 1
            self._beyond.remove(self._through)
