"""Facts on their way between services: NATS is fast and may lose; the owner's log may be read again."""

from cairn_messaging.follower import Entry, Follower
from cairn_messaging.frames import batch_of, subject
from cairn_messaging.ports import Bus, LogReader
from cairn_messaging.publisher import Publisher

__all__ = ["Bus", "Entry", "Follower", "LogReader", "Publisher", "batch_of", "subject"]
