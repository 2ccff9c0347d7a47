"""Files of creators, read as they stand: CSV with a header, or one JSON object a line; plain or gzipped."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from entente.matching.v1.service_pb2 import ImportCreatorsRequest, ImportReject, ImportRow
from entente.type.v1.type_pb2 import Platform
from entente_cli.errors import CommandError

_ROWS_AT_ONCE = 500


class CreatorsFile:
    """A file of creators.

    Args:
        path: .csv or .jsonl, with .gz when it is compressed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kind = _kind(path)
        if not path.exists():
            raise CommandError(f"There is no file {path}.")

    def count(self) -> int:
        """How many rows there are."""
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[tuple[list[str], ImportRow]]:
        """Each row with the columns that hold for it."""
        try:
            with self._open() as text:
                yield from (_csv_rows(text) if self._kind == "csv" else _json_rows(text))
        except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, csv.Error) as error:
            raise CommandError(f"{self._path} cannot be read to its end: {error}.") from error

    def requests(
        self, *, platform: "Platform.ValueType | None" = None, snapshot: str = ""
    ) -> Iterator[ImportCreatorsRequest]:
        """The file as the messages of an import.

        Args:
            platform: of the rows, when the file has no such column.
            snapshot: date of the rows, when the file has no such column.
        """
        batch = ImportCreatorsRequest(default_snapshot=snapshot)
        if platform is not None:
            batch.default_platform = platform
        columns: list[str] | None = None
        for names, row in self.rows():
            if columns is not None and (names != columns or len(batch.rows) >= _ROWS_AT_ONCE):
                yield batch
                batch = ImportCreatorsRequest()
            if names != columns:
                columns = names
                batch.columns.extend(names)
            batch.rows.append(row)
        if columns is None:
            raise CommandError(f"{self._path} has no rows: a header and at least one row are needed.")
        yield batch

    def _open(self) -> IO[str]:
        if self._path.suffix == ".gz":
            return io.TextIOWrapper(gzip.open(self._path), encoding="utf-8-sig", newline="")
        return self._path.open(encoding="utf-8-sig", newline="")


def write_rejects(path: Path, rejects: "list[ImportReject]") -> None:
    """Write what was refused: row, column, the value found, reason."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "value", "reason"])
        writer.writerows((reject.row, reject.column, reject.value, reject.reason) for reject in rejects)


def _kind(path: Path) -> str:
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind not in (".csv", ".jsonl"):
        raise CommandError(f"{path} is neither .csv nor .jsonl (each with .gz when compressed).")
    return kind.removeprefix(".")


def _csv_rows(text: IO[str]) -> Iterator[tuple[list[str], ImportRow]]:
    reader = csv.reader(text)
    columns = next(reader, None) or []
    # Numbered by record as a spreadsheet does: the first below the header is 2.
    for number, values in enumerate(reader, start=2):
        if values:
            yield columns, ImportRow(row=number, values=values)


def _json_rows(text: IO[str]) -> Iterator[tuple[list[str], ImportRow]]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if isinstance(record, dict):
            columns = [str(key) for key in record]
            yield columns, ImportRow(row=number, values=[_text(value) for value in record.values()])
        else:
            # Told by the service like every other bad row, with its number: it has no value under its only column.
            yield ["creator"], ImportRow(row=number, values=[line.strip()[:100]])


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "|".join(_text(item) for item in value)
    return str(value)
