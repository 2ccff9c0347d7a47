"""Writes docs/events/asyncapi.yaml: every topic, who sends and who receives what, in AsyncAPI 3.0 (`make asyncapi`).

What is received is asked of the services themselves: each is put together as its process would, and tells its routes.
What is sent are the events of its `events.proto`, with the comments there: each message that is no part of another one.
A message that does not go to the topic of the service's events says so in its comment ("Topic …").

    python -m tools.asyncapi            # writes it
    python -m tools.asyncapi --check    # writes nothing; fails when it would change
"""

import argparse
import asyncio
import importlib
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from entente_chassis import topics
from entente_chassis.runtime import Runtime
from entente_chassis.testing import make_settings
from tools.generate_protos import PROTO, ROOT, compile_all, write_validate_descriptor

TARGET = ROOT / "docs" / "events" / "asyncapi.yaml"
SERVICES = ("analytics", "campaign", "matching", "messaging", "review")
REPLICATION = 3
PARTITIONS = 48
PROTOBUF = "application/vnd.google.protobuf;version=3"
MESSAGE_OF_FILE = 4  # the number of `message_type` in FileDescriptorProto, as paths of comments use it


Received = tuple[frozenset[str], frozenset[str]]
"""The topics that a service consumes, and the full names of the messages that it handles."""


@dataclass(frozen=True)
class Message:
    """A message of an events.proto: what its comment says, how it is written, what it is made of."""

    name: str
    service: str
    comment: str
    text: str
    parts: tuple[str, ...]

    @property
    def full_name(self) -> str:
        return f"entente.{self.service}.v1.{self.name}"

    @property
    def topic(self) -> str:
        """The topic that its comment names, else that of its service's events."""
        named = re.search(r"\bTopic (entente\.[a-z0-9.]*[a-z0-9])", self.comment)
        return named.group(1) if named else topics.events(self.service)


def messages_of(service: str, file: FileDescriptorProto) -> list[Message]:
    """The messages of one events.proto, in the order in which they stand there."""
    lines = (PROTO / file.name).read_text().splitlines()
    where = {
        location.path[1]: location
        for location in file.source_code_info.location
        if len(location.path) == 2 and location.path[0] == MESSAGE_OF_FILE
    }
    found = []
    for index, message in enumerate(file.message_type):
        location = where[index]
        first, last = location.span[0], location.span[2] if len(location.span) == 4 else location.span[0]
        comment = " ".join(line.strip() for line in location.leading_comments.strip().splitlines())
        parts = {field.type_name.rpartition(".")[2] for field in message.field if field.type_name}
        found.append(Message(message.name, service, comment, "\n".join(lines[first : last + 1]), tuple(sorted(parts))))
    return found


def events_and_parts() -> tuple[list[Message], list[Message]]:
    """Every event, and every message that is only a part of one."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        write_validate_descriptor(scratch / "validate.binpb")
        files, complaints = compile_all(scratch / "validate.binpb", scratch)
    if complaints:
        raise SystemExit("\n".join(complaints))
    by_name = {file.name: file for file in files.file}
    events, parts = [], []
    for service in SERVICES:
        messages = messages_of(service, by_name[f"entente/{service}/v1/events.proto"])
        used = {part for message in messages for part in message.parts}
        events += [message for message in messages if message.name not in used]
        parts += [message for message in messages if message.name in used]
    names = [event.name for event in events]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SystemExit(f"two services have an event of the same name: {', '.join(twice)}")
    return events, parts


def build_service(service: str, folder: Path) -> Runtime:
    """A service as its process puts it together, with nothing started."""
    settings_type = importlib.import_module(f"entente_{service}.settings").Settings
    build = importlib.import_module(f"entente_{service}.bootstrap").build
    given = {"journal_dir": folder / "clicks"} if "journal_dir" in settings_type.model_fields else {}
    runtime: Runtime = build(make_settings(folder, settings_type, **given))
    return runtime


async def received() -> dict[str, Received]:
    """What each service receives."""
    result: dict[str, Received] = {}
    with tempfile.TemporaryDirectory() as folder:
        for service in SERVICES:
            runtime = build_service(service, Path(folder))
            handled = frozenset(message.DESCRIPTOR.full_name for message in runtime.routes)
            result[service] = runtime.consumed_topics, handled
    return result


def channel_id(topic: str) -> str:
    """A topic's name as a key that needs no quotes: "campaignEvents"."""
    first, *others = topic.removeprefix("entente.").removesuffix(".v1").split(".")
    return first + "".join(other.capitalize() for other in others)


def channel(topic: str, messages: Sequence[Message]) -> dict[str, Any]:
    settings = topics.topic_settings(topic, REPLICATION)
    configuration: dict[str, Any] = {"cleanup.policy": [settings["cleanup.policy"]]}
    configuration |= {name: int(settings[name]) for name in ("retention.ms", "delete.retention.ms") if name in settings}
    kept = (
        "Compacted: the last full state of each subject is kept, so that others can copy it."
        if topics.is_compacted(topic)
        else "Kept for a time. First appearances are in order for each subject; any event may appear more than once."
    )
    return {
        "address": topic,
        "description": kept,
        "messages": {message.name: {"$ref": f"#/components/messages/{message.name}"} for message in messages},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": PARTITIONS,
                "replicas": REPLICATION,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
    }


def operation(action: str, service: str, topic: str, messages: Sequence[Message]) -> dict[str, Any]:
    id = channel_id(topic)
    described: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{id}"},
        "summary": f"{service} {'publishes' if action == 'send' else 'handles'} these",
        "messages": [{"$ref": f"#/channels/{id}/messages/{message.name}"} for message in messages],
    }
    if action == "receive":
        group = {"type": "string", "enum": [f"entente-{service}"]}
        described["bindings"] = {"kafka": {"groupId": group, "bindingVersion": "0.5.0"}}
    return described


HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary mode",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_sequence"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "subject:epoch:n, the same whenever the event is repeated"},
        "ce_type": {"type": "string", "description": "full name of the protobuf message"},
        "ce_source": {"type": "string", "description": "the service that published it"},
        "ce_subject": {"type": "string", "description": "resource name of the aggregate, the same as the record's key"},
        "ce_time": {"type": "string", "format": "date-time", "description": "when it happened, in the domain's time"},
        "ce_sequence": {"type": "string", "description": "epoch:n; n is dense for each subject and epoch"},
        "traceparent": {"type": "string", "description": "the W3C trace that it belongs to"},
    },
}


def message_component(message: Message) -> dict[str, Any]:
    return {
        "name": message.full_name,
        "title": message.name,
        "summary": message.comment,
        "contentType": "application/protobuf",
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {"schemaFormat": PROTOBUF, "schema": message.text},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "the event's subject"}, "bindingVersion": "0.5.0"}
        },
    }


def document(events: Sequence[Message], parts: Sequence[Message], received: Mapping[str, Received]) -> dict[str, Any]:
    """The AsyncAPI document as plain data."""
    by_topic: dict[str, list[Message]] = {}
    for event in sorted(events, key=lambda event: (event.topic, event.name)):
        by_topic.setdefault(event.topic, []).append(event)
    operations: dict[str, Any] = {}
    for topic, messages in by_topic.items():
        sender = messages[0].service
        operations[f"{sender}Sends{capitalised(channel_id(topic))}"] = operation("send", sender, topic, messages)
        for service, (consumed, handled) in received.items():
            taken = [message for message in messages if message.full_name in handled]
            if topic in consumed:
                name = f"{service}Receives{capitalised(channel_id(topic))}"
                operations[name] = operation("receive", service, topic, taken)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Entente events",
            "version": "1.0.0",
            "description": "Generated by `make asyncapi` from the protos and the services. Consumers must take "
            "(ce_subject, ce_sequence) as an event's identity and never its offset: a repeat has a new one.",
        },
        "defaultContentType": "application/protobuf",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The brokers of an installation: ENTENTE_KAFKA_BOOTSTRAP",
                "variables": {"bootstrap": {"default": "localhost:9092"}},
            }
        },
        "channels": {channel_id(topic): channel(topic, messages) for topic, messages in by_topic.items()},
        "operations": operations,
        "components": {
            "messages": {event.name: message_component(event) for event in events},
            "schemas": {
                "CloudEventHeaders": HEADERS,
                **{
                    f"{part.service.capitalize()}{part.name}": {"schemaFormat": PROTOBUF, "schema": part.text}
                    for part in parts
                },
            },
        },
    }


def capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]


def yaml_lines(value: Any, indent: str = "") -> Iterator[str]:
    """Plain data as YAML: blocks for lists and objects, literal blocks for long text, JSON for the rest."""
    items: Iterable[tuple[str, Any]] = (
        ((f"{scalar(key)}:", inner) for key, inner in value.items())
        if isinstance(value, Mapping)
        else (("-", inner) for inner in value)
    )
    for head, inner in items:
        if isinstance(inner, str) and "\n" in inner:
            yield f"{indent}{head} |-"
            yield from (f"{indent}  {line}".rstrip() for line in inner.splitlines())
        elif isinstance(inner, Mapping | list) and inner:
            yield f"{indent}{head}"
            yield from yaml_lines(inner, indent + "  ")
        else:
            yield f"{indent}{head} {scalar(inner)}"


def scalar(value: Any) -> str:
    """A value on one line; text stands without quotes where it can be read as nothing else."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_$#/][A-Za-z0-9_./$-]*", value)
    if plain and value.lower() not in {"true", "false", "null", "yes", "no", "on", "off"} and value[0] != "#":
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def render() -> str:
    """The document as text."""
    events, parts = events_and_parts()
    described = document(events, parts, asyncio.run(received()))
    return "\n".join(yaml_lines(described)) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Writes docs/events/asyncapi.yaml.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when it would change")
    chosen = parser.parse_args(arguments)
    text = render()
    if chosen.check:
        if not TARGET.exists() or TARGET.read_text() != text:
            print(f"{TARGET.relative_to(ROOT)} is not what the services say: run `make asyncapi`", file=sys.stderr)
            return 1
        return 0
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
