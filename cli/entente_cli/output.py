"""What a command says: results on stdout, all else on stderr; with --json exactly one JSON document on stdout."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

# Where nobody watches, lines are not folded at eighty characters.
_UNWATCHED = 200
results = Console(highlight=False, width=None if sys.stdout.isatty() else _UNWATCHED)
messages = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _UNWATCHED)


def note(line: str) -> None:
    """Say on stderr what is being done."""
    messages.print(line, style="dim", markup=False)


def show_json(value: Any) -> None:
    """Print a value, or a message, as JSON."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """The value as JSON knows it: messages with the field names of their protos."""
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print rows under columns. Figures stand to the right."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        figures = bool(texts) and all(_is_figure(row[number]) for row in texts)
        table.add_column(column, justify="right" if figures else "left", overflow="fold")
    for row in texts:
        table.add_row(*row)
    results.print(table, markup=False)


def progress() -> Progress:
    """A progress bar on stderr, which shows itself only to people."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    )


def word(enum: Any, value: int) -> str:
    """The name of an enum's value without the enum's own name: CAMPAIGN_STATE_DRAFT is "draft"."""
    name: str = enum.Name(value)
    prefix = "".join("_" + letter if letter.isupper() else letter.upper() for letter in enum.DESCRIPTOR.name)
    short = name.removeprefix(prefix.lstrip("_").upper() + "_").replace("_", " ").lower()
    return "" if short == "unspecified" else short


def money(value: Any) -> str:
    """An amount as people read it; currencies have two decimals here unless they are known to have none."""
    if not value.currency_code:
        return ""
    if value.currency_code in {"JPY", "KRW", "VND", "CLP", "ISK"}:
        return f"{value.minor_units:,} {value.currency_code}"
    return f"{value.minor_units / 100:,.2f} {value.currency_code}"


def _is_figure(text: str) -> bool:
    return not text.strip("0123456789.,-+ %") and text != ""
