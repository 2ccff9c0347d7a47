"""The table of notifications that comes with the service."""

from functools import cache
from importlib import resources

from entente_messaging.domain.moments import Table, read


@cache
def table() -> Table:
    """The table, read once."""
    return read(resources.files("entente_messaging").joinpath("moments.toml").read_text(encoding="utf-8"))
