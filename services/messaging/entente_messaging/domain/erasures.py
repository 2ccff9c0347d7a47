"""People who are to be forgotten: the tombstone stays, so that what is replayed does not bring them back."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Erasure:
    """A tombstone.

    Args:
        person: "brands/{brand}" or "creators/{creator}".
        reason: a reference for the records.
        work_at: when texts are to be taken out; None when that is done.
    """

    person: str
    reason: str
    erased_at: datetime
    work_at: datetime | None = None


@dataclass(frozen=True)
class PersonErased:
    """Every service is to forget somebody."""

    person: str
    erase_time: datetime
