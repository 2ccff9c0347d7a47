"""CSV files as others export them: good rows are taken, the others are named with the reason."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SetAside:
    """Something that was not taken, and why.

    Args:
        row: the row of the file, counted from 1 with its header; 0 when it is not from a file.
        column: the column at fault; "" when it is the whole row.
        subject: what it is about.
        reason: stable, for programs.
    """

    row: int
    column: str
    subject: str
    reason: str
    message: str


@dataclass(frozen=True)
class Line:
    """One row: its cells by the names that they have here, and the file's own names of the columns."""

    row: int
    cells: Mapping[str, str]
    columns: Mapping[str, str]

    def get(self, name: str) -> str:
        """A cell; "" when there is none."""
        return self.cells.get(name, "")

    def aside(self, name: str, subject: str, reason: str, message: str) -> SetAside:
        """The row set aside for one of its cells."""
        return SetAside(self.row, self.columns.get(name, ""), subject, reason, message)


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8, or what spreadsheets on Windows write."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", errors="replace")


def header_of(text: str) -> list[str]:
    """The names of the columns."""
    return next(csv.reader(io.StringIO(text), dialect=_dialect(text)), [])


def lines_of(text: str, aliases: Mapping[str, Sequence[str]]) -> Iterator[Line]:
    """The rows of a file.

    Args:
        text: the file.
        aliases: name here -> names of the column in exports, the best first; case does not matter.
    """
    reader = csv.reader(io.StringIO(text), dialect=_dialect(text))
    header = next(reader, [])
    places = {name.strip().lower(): number for number, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for name, known in aliases.items():
        place = next((places[alias.lower()] for alias in known if alias.lower() in places), None)
        if place is not None:
            found[name] = place
    columns = {name: header[place] for name, place in found.items()}
    for cells in reader:
        if any(cell.strip() for cell in cells):
            by_name = {name: cells[place].strip() for name, place in found.items() if place < len(cells)}
            yield Line(reader.line_num, by_name, columns)


def _dialect(text: str) -> type[csv.Dialect]:
    first = text[: text.find("\n")] if "\n" in text else text

    class Dialect(csv.excel):
        delimiter = max(",;\t", key=first.count)

    return Dialect
