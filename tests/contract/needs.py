"""What each consumer needs of each event: the paths of the fields that its handlers use, and no others.

`tests/contract/test_events.py` holds both sides to it: the producers' real code must fill these fields, and the real
handlers of the consumers must come to the same end when they are given nothing else. To propose the table anew, after a
change of a handler: python -m tests.contract.needs
"""

import pprint
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.contract.story import Told, tell

# consumer -> event -> paths
Needs = Mapping[str, Mapping[str, Sequence[str]]]

NEEDS: Needs = {}


def paths_of(message: Message, prefix: str = "") -> Iterator[str]:
    """The paths of the fields that are set, down to scalars, lists and the types that other packages share."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if is_branch(field, message):
            yield from paths_of(value, f"{path}.")
        else:
            yield path


def is_branch(field: FieldDescriptor, message: Message) -> bool:
    """Whether a field is a message of the same package, whose own fields are looked at one by one."""
    inner = field.message_type
    return inner is not None and not field.is_repeated and inner.file.package == message.DESCRIPTOR.file.package


def without(message: Message, path: str) -> None:
    """Take the field at a path out of a message."""
    first, _, rest = path.partition(".")
    if not rest:
        message.ClearField(first)
    elif message.HasField(first):
        without(getattr(message, first), rest)


def only(message: Message, paths: Sequence[str]) -> None:
    """Take everything out of a message but the fields at these paths."""
    for path in list(paths_of(message)):
        if path not in paths:
            without(message, path)


def needed(told: Told, consumer: str, event: str, paths: Sequence[str], folder: Path) -> list[str]:
    """Those of the paths without which the story ends otherwise, found by leaving out halves."""

    def changed(consumer_there: str, message: Message) -> None:
        if (consumer_there, message.DESCRIPTOR.full_name) == (consumer, event):
            for path in paths:
                without(message, path)

    try:
        same = tell(folder, changed).states == told.states
    except Exception:  # However it fails: a handler that cannot go on without these fields needs one of them.
        same = False
    if same:
        return []
    if len(paths) == 1:
        return list(paths)
    half = len(paths) // 2
    return [path for part in (paths[:half], paths[half:]) for path in needed(told, consumer, event, part, folder)]


def main() -> None:
    """Print the table as the consumers' code is now."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = tell(folder)
        table: dict[str, dict[str, list[str]]] = {}
        for (consumer, event), messages in sorted(told.arrived.items()):
            paths = sorted({path for message in messages for path in paths_of(message)})
            table.setdefault(consumer, {})[event] = needed(told, consumer, event, paths, folder)
            print(consumer, event, table[consumer][event], file=sys.stderr, flush=True)
    print(f"NEEDS: Needs = {pprint.pformat(table, width=118)}")


if __name__ == "__main__":
    main()
