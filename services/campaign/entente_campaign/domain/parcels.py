"""Parcels in bulk: a CSV file as what is to be shipped, and what is wrong with its rows."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from entente_chassis.refusal import Invalid, Violation

MOST_ROWS = 1000
COLUMNS = ("creator", "carrier", "tracking_number", "tracking_url")
NEEDED = ("creator", "carrier")
_LONGEST = {"carrier": 100, "tracking_number": 100, "tracking_url": 2000}
_CREATOR = re.compile(r"creators/[a-z0-9][a-z0-9-]{0,62}")
_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row; the column is empty when it is the row as a whole."""

    column: str
    reason: str
    message: str


@dataclass(frozen=True)
class ParcelRow:
    """A row of the file. ``line`` is its line in the file, 1 is the header."""

    line: int
    creator: str
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    errors: tuple[RowError, ...] = ()


def read(text: str) -> list[ParcelRow]:
    """The rows of a file.

    Raises:
        Invalid: it has no such columns, or too many rows.
    """
    content = text.removeprefix("\ufeff")
    header = content.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(content), delimiter=delimiter, strict=False)
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    problems = [
        Violation("csv", f"the column {name} is missing", "COLUMN_MISSING") for name in NEEDED if name not in names
    ]
    problems += [
        Violation("csv", f"the column {name!r} is not known: {', '.join(COLUMNS)}", "COLUMN_UNKNOWN")
        for name in names
        if name not in COLUMNS
    ]
    if problems:
        raise Invalid("CSV_INVALID", "The first line must name the columns: mend it.", violations=problems)
    rows = [
        (
            reader.line_num,
            {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)},
            None in row,
        )
        for row in reader
    ]
    if len(rows) > MOST_ROWS:
        raise Invalid("CSV_TOO_LONG", f"The file has {len(rows)} rows: send at most {MOST_ROWS} at once.")
    seen = Counter(cells.get("creator", "") for _, cells, _ in rows)
    return [_row(line, cells, too_wide, seen) for line, cells, too_wide in rows]


def _row(line: int, cells: dict[str, str], too_wide: bool, seen: Counter[str]) -> ParcelRow:
    creator = cells.get("creator", "")
    if creator and "/" not in creator:
        creator = f"creators/{creator}"
    errors: list[RowError] = []
    if too_wide:
        errors.append(RowError("", "TOO_MANY_CELLS", "the row has more cells than the first line: quote the commas"))
    if not _CREATOR.fullmatch(creator):
        errors.append(RowError("creator", "CREATOR_INVALID", "must be a name such as creators/ana"))
    elif seen[cells["creator"]] > 1:
        errors.append(RowError("creator", "DUPLICATE", "the creator is in several rows: leave one"))
    if not cells.get("carrier"):
        errors.append(RowError("carrier", "REQUIRED", "say who brings it"))
    errors += [
        RowError(name, "TOO_LONG", f"must have at most {most} characters")
        for name, most in _LONGEST.items()
        if len(cells.get(name, "")) > most
    ]
    if cells.get("tracking_url") and not _URL.fullmatch(cells["tracking_url"]):
        errors.append(RowError("tracking_url", "URL_INVALID", "must begin with https:// or http://"))
    return ParcelRow(
        line,
        creator,
        cells.get("carrier", ""),
        cells.get("tracking_number", ""),
        cells.get("tracking_url", ""),
        tuple(errors),
    )
