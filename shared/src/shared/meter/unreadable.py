"""Records that this process cannot read: a wrong check sum, an unknown codec, bytes that no parser accepts."""

from __future__ import annotations

from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError, UnsupportedCodecError

from shared.errors import Rejected


class Unreadable(Rejected):
    """At or behind ``offset``, before the end of what was asked for, lies a record that cannot be read."""

    def __init__(self, where: str, offset: int, error: Exception) -> None:
        super().__init__(f"{where} cannot be read from offset {offset} on: {type(error).__name__}: {error}")
        self.offset = offset
        self._where, self._error = where, error

    def exactly(self, offset: int) -> Unreadable:
        """The same, of a record that was asked for alone."""
        return Unreadable(self._where, offset, self._error)


def of_records(error: Exception) -> bool:
    """Whether a poll failed for what a record batch holds, not for the broker or the consumer."""
    if isinstance(error, CorruptRecordException | UnsupportedCodecError):
        return True
    return not isinstance(error, KafkaError | ConsumerStoppedError | OSError | MemoryError)
