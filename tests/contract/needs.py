"""The smallest event that each consumer needs, as it is committed in needs.toml, and how to find it.

python -m tests.contract.needs [consumer ...]     # proposes lines of the table, after a change of a handler
"""

import asyncio
import json
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.contract.story import Told, tell
from tests.contract.world import States, running

Needs = Mapping[str, Mapping[str, Sequence[str]]]
"""consumer -> event -> paths"""

NEEDS: Needs = tomllib.loads(Path(__file__).with_name("needs.toml").read_text())


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


# What these hold comes from events alone, so that it is enough to give them the story's events again.
FROM_EVENTS_ALONE = ("matching", "messaging")


def replay(told: Told, consumer: str, folder: Path, change: Callable[[str, Message], None]) -> States:
    """What a consumer holds after the events of a story, each changed on its way."""

    async def replayed() -> States:
        async with running(folder, consumer, change=change) as world:
            for event in told.published:
                if event.topic in world.runtimes[consumer].consumed_topics:
                    await world.advance(max(event.time - world.clock.now(), timedelta(0)), step=timedelta(days=90))
                    await world.deliver(world.runtimes[consumer], event)
            return await world.states()

    return asyncio.run(replayed())


def needed(told: Told, consumer: str, event: str, paths: Sequence[str], folder: Path) -> list[str]:
    """Those of the paths without which the consumer ends otherwise, found by leaving out halves."""

    def changed(consumer_there: str, message: Message) -> None:
        if (consumer_there, message.DESCRIPTOR.full_name) == (consumer, event):
            for path in paths:
                without(message, path)

    try:
        if consumer in FROM_EVENTS_ALONE:
            whole = replay(told, consumer, folder, lambda service, message: None)
            same = replay(told, consumer, folder, changed) == whole
        else:
            same = tell(folder, changed).states == told.states
    except Exception:  # However it fails: a handler that cannot go on without these fields needs one of them.
        same = False
    if same:
        return []
    if len(paths) == 1:
        return list(paths)
    half = len(paths) // 2
    return [path for part in (paths[:half], paths[half:]) for path in needed(told, consumer, event, part, folder)]


def main(consumers: Sequence[str]) -> None:
    """Print the table's lines as the consumers' code is now."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = tell(folder)
        for (consumer, event), messages in sorted(told.arrived.items()):
            if not consumers or consumer in consumers:
                paths = sorted({path for message in messages for path in paths_of(message)})
                found = needed(told, consumer, event, paths, folder)
                print(f"[{consumer}]", f'"{event}" = {json.dumps(found)}', sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
