"""Imports of files of creators: what came of each is kept, and told of once."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Import:
    """A file of creators that was imported.

    Args:
        by: the account that imported it.
        finished_at: when it ended, in the domain's time.
        rows: rows that were read.
        accepted_rows: rows that were good.
        rejected_rows: rows that were refused.
        created: creators that were new.
        updated: creators that were there and changed.
    """

    by: str
    finished_at: datetime
    rows: int
    accepted_rows: int
    rejected_rows: int
    created: int
    updated: int


@dataclass(frozen=True)
class CreatorsImported:
    """A file of creators was imported."""

    name: str
    rows: int
    accepted_rows: int
    rejected_rows: int
    created: int
    updated: int
