"""Aggregates as single documents, over MongoDB or in memory."""

from entente_chassis.store.aggregates import Aggregates
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.store.model import Cause, Change, Kind, Outcome, Outgoing, Request

__all__ = ["Aggregates", "Cause", "Change", "Kind", "MemoryAggregates", "Outcome", "Outgoing", "Request"]
