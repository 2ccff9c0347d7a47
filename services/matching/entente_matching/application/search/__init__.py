"""The search: one interface, an index of columns in memory, and the plain reference that it is held against."""

from entente_matching.application.search.index import SearchIndex
from entente_matching.application.search.model import Cursor, Facet, Found, Hit, Order, Query, Search
from entente_matching.application.search.plain import PlainSearch

__all__ = ["Cursor", "Facet", "Found", "Hit", "Order", "PlainSearch", "Query", "Search", "SearchIndex"]
