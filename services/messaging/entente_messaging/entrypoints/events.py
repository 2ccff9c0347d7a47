"""Events become what people are told, as the table of notifications says (moments.toml)."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from entente_chassis import topics
from entente_chassis.consumer import Incoming, Routes
from entente_chassis.protomap import from_proto
from entente_messaging import metrics
from entente_messaging.application.commands import telling
from entente_messaging.application.commands.conversations import open_conversation, without_erased
from entente_messaging.application.stores import Stores
from entente_messaging.application.table import table
from entente_messaging.domain.conversations import Collaboration
from entente_messaging.domain.moments import FieldType, MergeField, Moment, MomentsError
from entente_messaging.domain.names import conversation_name
from entente_messaging.domain.notifications import Telling
from entente_messaging.domain.occasions import Party

CONSUMES = tuple(topics.events(service) for service in ("campaign", "review", "analytics", "messaging"))

Handle = Callable[[Incoming[Any]], Any]


def routes(stores: Stores) -> Routes:
    """A handler for every event of the table.

    Raises:
        MomentsError: the table names an event, a field or a value that does not exist.
    """
    found: dict[type[Message], Handle] = {}
    for name in table().events():
        message_type = event_type(name)
        for moment in table().of_event(name):
            check(moment, message_type.DESCRIPTOR)
        found[message_type] = _handler(stores, name)
    return found


def _handler(stores: Stores, name: str) -> Handle:
    moments = table().of_event(name)
    stops = bool(table().stops(name))

    kind = moments[0].about if moments else "collaboration"

    async def handle(event: Incoming[Any]) -> None:
        for named in await _about(stores, kind, event.message):
            about = await without_erased(stores, named)
            if stops:
                await telling.stop_reminders(stores, about, name, event.cause)
            for moment in moments:
                if _applies(moment, event.message):
                    await _tell(stores, moment, about, event)

    return handle


async def _tell(stores: Stores, moment: Moment, about: Collaboration, event: Incoming[Any]) -> None:
    values = {
        "campaign_title": about.campaign_title,
        "brand_name": about.brand_display_name,
        "creator_name": about.creator_display_name,
        **{field.name: value_of(event.message, field) for field in moment.fields},
    }
    if about.collaboration:
        await open_conversation(stores, about)
    for party in moment.to:
        what = Telling(
            party=party,
            occasion=moment.occasion,
            category=moment.category,
            brand=about.brand,
            recipient=about.brand if party is Party.BRAND else about.creator,
            campaign=about.campaign,
            collaboration=about.collaboration,
            creator=about.creator,
            values=values,
            one_of_many=moment.about == "creators",
        )
        new = await telling.tell(stores, what, about if about.collaboration else None, event.cause)
        metrics.notifications.labels(moment.occasion.value.lower()).inc(new)


async def _about(stores: Stores, kind: str, message: Any) -> list[Collaboration]:
    """What an event is about: one collaboration, a campaign, or one for each creator that it names."""
    if kind == "campaign":
        return [Collaboration("", message.campaign, message.brand, "", message.campaign_title)]
    if kind == "conversation":
        found = await stores.conversations.get(message.conversation)
        return [found.state.about] if found else []
    if kind == "creators":
        return [await _of_creator(stores, message, creator) for creator in message.creators]
    return [from_proto(Collaboration, message.ref)]


async def _of_creator(stores: Stores, message: Any, creator: str) -> Collaboration:
    name = f"{message.campaign}/collaborations/{creator.removeprefix('creators/')}"
    found = await stores.conversations.get(conversation_name(name))
    if found:
        return replace(found.state.about, campaign_title=message.campaign_title)
    return Collaboration(name, message.campaign, message.brand, creator, message.campaign_title)


# -- fields of events -------------------------------------------------------------------------------------------------


def event_type(name: str) -> type[Message]:
    """The generated class of an event, by its full name.

    Raises:
        MomentsError: there is no such event.
    """
    package, _, short = name.rpartition(".")
    try:
        found: type[Message] = getattr(importlib.import_module(f"{package}.events_pb2"), short)
    except (ImportError, AttributeError) as error:
        raise MomentsError(f"there is no event {name}") from error
    return found


def check(moment: Moment, event: Any) -> None:
    """Refuse a row whose event has not what it names, or has it in another type.

    Raises:
        MomentsError: says what.
    """
    for path, values in moment.when.items():
        field = _field(event, path)[-1]
        known = {value.name for value in field.enum_type.values} if field.enum_type else {"true", "false"}
        if unknown := sorted(set(values) - known):
            raise MomentsError(f"{event.full_name}.{path} is never {', '.join(unknown)}")
    for merge in moment.fields:
        fields = _field(event, merge.source)
        if merge.type is not _type_of(fields) and not (merge.type is FieldType.URL and _is_text(fields)):
            raise MomentsError(f"{event.full_name}.{merge.source} is a {_type_of(fields)}, not a {merge.type}")


def value_of(message: Any, merge: MergeField) -> str:
    """A merge field's value in an event, as a notification keeps it; "" where it is not set."""
    *parents, last = merge.source.split(".")
    for parent in parents:
        field = message.DESCRIPTOR.fields_by_name[parent]
        if field.is_repeated:
            return "\n".join(" ".join(str(getattr(one, last)).split()) for one in getattr(message, parent))
        message = getattr(message, parent)
    field = message.DESCRIPTOR.fields_by_name[last]
    value = getattr(message, last)
    if field.enum_type:
        numbers = value if field.is_repeated else [value]
        known = [field.enum_type.values_by_number.get(number) for number in numbers]
        return ",".join(_short(field, entry.name) for entry in known if entry is not None)
    if merge.type is FieldType.DATE:
        return str(value.ToJsonString()) if value.seconds else ""
    if merge.type is FieldType.NUMBER:
        return str(value // merge.divisor) if not field.has_presence or message.HasField(last) else ""
    return str(value)


def _applies(moment: Moment, message: Any) -> bool:
    return all(_told(message, path) in values for path, values in moment.when.items())


def _told(message: Any, path: str) -> str:
    field = message.DESCRIPTOR.fields_by_name[path]
    value = getattr(message, path)
    if field.enum_type:
        # A value that a newer service knows and this one does not is in no row.
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    return str(value).lower()


def _field(event: Any, path: str) -> list[FieldDescriptor]:
    found: list[FieldDescriptor] = []
    at = event
    for part in path.split("."):
        if at is None or part not in at.fields_by_name:
            raise MomentsError(f"{event.full_name} has no field {path}")
        found.append(at.fields_by_name[part])
        at = found[-1].message_type
    return found


def _type_of(fields: list[FieldDescriptor]) -> FieldType | None:
    last = fields[-1]
    if last.message_type:
        return FieldType.DATE if last.message_type.full_name == "google.protobuf.Timestamp" else None
    if last.enum_type:
        return FieldType.WORDS if last.is_repeated else FieldType.WORD
    if last.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return FieldType.LINES if any(field.is_repeated for field in fields) else FieldType.TEXT
    numbers = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32)
    return FieldType.NUMBER if last.cpp_type in numbers else None


def _is_text(fields: list[FieldDescriptor]) -> bool:
    return _type_of(fields) is FieldType.TEXT


def _short(field: FieldDescriptor, name: str) -> str:
    """The name of a value without the name of its type: DECLINE_REASON_PRICE is PRICE."""
    assert field.enum_type is not None
    prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return name.removeprefix(prefix)
