"""Files of creators, read as they stand: CSV with a header, or one JSON object a line; plain or gzipped."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from entente.matching.v1.service_pb2 import ImportCreatorsRequest, ImportReject, ImportRow
from entente.type.v1.type_pb2 import Platform
from entente_cli.errors import CommandError

_ROWS_AT_ONCE = 500


class CreatorsFile:
    """A file of creators.

    What cannot even be sent is refused here: lines that are no JSON, bytes that are no text, the end of a file that was
    cut off. All else is for the service to judge.

    Args:
        path: .csv or .jsonl, with .gz when it is compressed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kind = _kind(path)
        self.rejects: list[ImportReject] = []
        if not path.exists():
            raise CommandError(f"There is no file {path}.")

    def count(self) -> int:
        """How many rows can be sent.

        Raises:
            CommandError: none can.
        """
        rows = sum(1 for _ in self.rows())
        if not rows and self.rejects:
            first = self.rejects[0]
            raise CommandError(f"{self._path} has no row that can be read; row {first.row}: {first.reason}.")
        if not rows:
            raise CommandError(f"{self._path} has no rows: a header and at least one row are needed.")
        return rows

    def rows(self) -> Iterator[tuple[list[str], ImportRow]]:
        """Each row that can be sent with the columns that hold for it; the others are in ``rejects`` afterwards."""
        self.rejects = []
        last = 0
        try:
            with self._open() as text:
                for columns, row in self._csv_rows(text) if self._kind == "csv" else self._json_rows(text):
                    last = row.row
                    yield columns, row
        except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
            self._refuse(last + 1, "", "", f"the file cannot be read from here on: {error}")

    def requests(
        self, *, platform: "Platform.ValueType | None" = None, snapshot: str = ""
    ) -> Iterator[ImportCreatorsRequest]:
        """The file as the messages of an import.

        Args:
            platform: of the rows, when the file has no such column.
            snapshot: date of the rows, when the file has no such column.
        """
        columns = self._columns()
        batch = ImportCreatorsRequest(default_snapshot=snapshot, columns=columns)
        if platform is not None:
            batch.default_platform = platform
        for names, row in self.rows():
            if names != columns or len(batch.rows) >= _ROWS_AT_ONCE:
                yield batch
                batch = ImportCreatorsRequest()
            if names != columns:
                columns = names
                batch.columns.extend(names)
            batch.rows.append(row)
        yield batch

    def _columns(self) -> list[str]:
        """The columns that most rows have: the service refuses a file by its first ones, and later ones by the row."""
        counted = Counter(tuple(columns) for columns, _ in self.rows())
        return list(counted.most_common(1)[0][0]) if counted else []

    def _open(self) -> IO[str]:
        # A byte that is no text is kept as a surrogate, so that it costs its row and not the file.
        if self._path.suffix == ".gz":
            return io.TextIOWrapper(gzip.open(self._path), encoding="utf-8-sig", errors="surrogateescape", newline="")
        return self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _csv_rows(self, text: IO[str]) -> Iterator[tuple[list[str], ImportRow]]:
        reader = csv.reader(text)
        columns = [_readable(column) for column in next(reader, None) or []]
        # Numbered by record as a spreadsheet does: the first below the header is 2.
        for number, values in enumerate(reader, start=2):
            broken = [index for index, value in enumerate(values) if not _is_text(value)]
            for index in broken:
                column = columns[index] if index < len(columns) else ""
                self._refuse(number, column, values[index], "is not UTF-8 text")
            if values and not broken:
                yield columns, ImportRow(row=number, values=values)

    def _json_rows(self, text: IO[str]) -> Iterator[tuple[list[str], ImportRow]]:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            if not _is_text(line):
                self._refuse(number, "", line.strip(), "is not UTF-8 text")
                continue
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, RecursionError):
                record = None
            if isinstance(record, dict):
                values = [_text(value) for value in record.values()]
                yield [str(key) for key in record], ImportRow(row=number, values=values)
            else:
                self._refuse(number, "", line.strip(), "is not a JSON object")

    def _refuse(self, row: int, column: str, value: str, reason: str) -> None:
        self.rejects.append(ImportReject(row=row, column=column, value=_readable(value)[:100], reason=reason))


def write_rejects(path: Path, rejects: Iterable[ImportReject]) -> None:
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


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _readable(value: str) -> str:
    return value.encode(errors="surrogateescape").decode(errors="replace")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "|".join(_text(item) for item in value)
    return str(value)
