"""Figures as files: one row for each day, collaboration, platform and deliverable."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from entente_analytics.domain.kpis import Kpis
from entente_analytics.domain.reports import FigureRow
from entente_chassis.money import Money

PIECE = 64 * 1024
_ROWS = 2_000
_KEYS = ("day", "campaign", "collaboration", "creator", "platform", "deliverable")
# Whether a figure is an amount decides its columns; the rest are whole numbers.
_AMOUNTS = ("revenue", "average_order_value", "cost", "cpm", "cpc", "cpe", "cpa")
_COUNTS = tuple(
    field.name
    for field in fields(Kpis)
    if field.name not in _AMOUNTS
    and field.name not in ("filtered_clicks", "unconverted_revenue", "unconverted_cost", "emv", "assumptions", "rates")
    and field.name != "reach_in_target_estimated"
)
COLUMNS = (*_KEYS, "currency", *_COUNTS, *(f"{name}_minor" for name in _AMOUNTS))


def as_csv(rows: Sequence[FigureRow]) -> Iterator[bytes]:
    """The rows as CSV with a header; an empty cell is not defined."""
    for start in range(0, max(1, len(rows)), _ROWS):
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
        if start == 0:
            writer.writeheader()
        for row in rows[start : start + _ROWS]:
            writer.writerow({name: _safe(value) for name, value in _cells(row).items()})
        yield text.getvalue().encode()


def as_parquet(rows: Sequence[FigureRow]) -> Iterator[bytes]:
    """The rows as Parquet, one row group for some thousand rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = (*_KEYS, "currency")
    schema = pa.schema([(name, pa.string() if name in texts else pa.int64()) for name in COLUMNS])
    buffer = io.BytesIO()
    sent = 0
    with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
        for start in range(0, max(1, len(rows)), _ROWS):
            cells = [_cells(row) for row in rows[start : start + _ROWS]]
            writer.write_table(pa.Table.from_pylist(cells, schema=schema))
            yield buffer.getvalue()[sent:]
            sent = buffer.tell()
    yield buffer.getvalue()[sent:]


def _cells(row: FigureRow) -> dict[str, Any]:
    cells: dict[str, Any] = {name: getattr(row, name) for name in _KEYS}
    cells["currency"] = row.currency
    cells |= {name: getattr(row.kpis, name) for name in _COUNTS}
    amounts: Mapping[str, Money | None] = {name: getattr(row.kpis, name) for name in _AMOUNTS}
    cells |= {f"{name}_minor": value.minor_units if value else None for name, value in amounts.items()}
    return cells


def _safe(value: object) -> object:
    # A spreadsheet takes a text that begins so for a formula.
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
