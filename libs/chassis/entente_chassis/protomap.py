"""Dataclasses and protobuf messages, mapped by the names of their fields.

What a field's type says decides how it is mapped:

=====================  ====================================================================================
Python                 protobuf
=====================  ====================================================================================
StrEnum "DRAFT"        CAMPAIGN_STATE_DRAFT; UNSPECIFIED <-> None
datetime               google.protobuf.Timestamp
timedelta              google.protobuf.Duration
date                   string, ISO 8601
dataclass (Money …)    message
list, tuple, set       repeated
dict                   map
None                   a field that is not set. Strings, bytes and enums without presence are not set when they
                       are empty; numbers and booleans without presence always have a value.
=====================  ====================================================================================
"""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from entente_chassis.refusal import Invalid, Violation

M = TypeVar("M", bound=Message)
D = TypeVar("D")

_SEQUENCES: dict[Any, Any] = {list: list, tuple: tuple, set: set, frozenset: frozenset}
_WHOLE = {FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_ENUM}


def to_proto(message_type: type[M], source: object, *, strict: bool = False) -> M:
    """A message of a dataclass or mapping.

    Args:
        message_type: what to make.
        source: fields by name; None means not set, and a field that the message does not have is left out.
        strict: refuse a source with fields that the message does not have.

    Raises:
        TypeError: a value does not fit its field; the field is named.
    """
    message = message_type()
    _fill(message, source, strict, message_type.DESCRIPTOR.full_name)
    return message


def from_proto(data_type: type[D], message: Message, *, strict: bool = False) -> D:
    """A dataclass of a message.

    Args:
        data_type: what to make. Fields that the message does not have take their defaults.
        message: where from; fields that the dataclass does not have are left out.
        strict: refuse a dataclass with fields that the message does not have.

    Raises:
        Invalid: fields that the dataclass needs are not set; all are named.
        TypeError: the types do not fit each other; the field is named.
    """
    missing: list[Violation] = []
    result = _read(data_type, message, "", missing, strict)
    if missing:
        named = ", ".join(violation.field for violation in missing)
        raise Invalid("FIELD_REQUIRED", f"These fields are required: {named}.", violations=missing)
    return typing.cast(D, result)


# -- to protobuf ------------------------------------------------------------------------------------------------------


def _fill(message: Message, source: object, strict: bool, path: str) -> None:
    values = source if isinstance(source, Mapping) else _values(source, path)
    known = _fields(message.DESCRIPTOR)
    if strict and (unknown := sorted(set(values) - set(known))):
        raise TypeError(f"{message.DESCRIPTOR.full_name} has no {', '.join(unknown)}")
    for name, value in values.items():
        field = known.get(name)
        if field is None or value is None:
            continue
        where = f"{path}.{name}"
        if _is_map(field):
            _fill_map(getattr(message, name), field, value, strict, where)
        elif field.is_repeated:
            target = getattr(message, name)
            for item in _items(value, where):
                if field.message_type:
                    _fill_message(target.add(), item, strict, where)
                else:
                    _put(target.append, _scalar(field, item, where), path=where)
        elif field.message_type:
            target = getattr(message, name)
            target.SetInParent()  # An empty message is set, too.
            _fill_message(target, value, strict, where)
        else:
            _put(setattr, message, name, _scalar(field, value, where), path=where)


def _fill_map(target: Any, field: FieldDescriptor, value: object, strict: bool, path: str) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{path} must be a mapping, not {type(value).__name__}")
    of_value = _entry(field).fields_by_name["value"]
    of_key = _entry(field).fields_by_name["key"]
    for key, item in value.items():
        proto_key = _scalar(of_key, key, path)
        if of_value.message_type:
            _fill_message(target[proto_key], item, strict, path)
        else:
            _put(target.__setitem__, proto_key, _scalar(of_value, item, path), path=path)


def _fill_message(target: Message, value: object, strict: bool, path: str) -> None:
    if isinstance(target, Timestamp):
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise TypeError(f"{path} must be an aware datetime, not {value!r}")
        target.FromDatetime(value.astimezone(UTC))
    elif isinstance(target, Duration):
        if not isinstance(value, timedelta):
            raise TypeError(f"{path} must be a timedelta, not {type(value).__name__}")
        target.FromTimedelta(value)
    elif isinstance(target, FieldMask) and not isinstance(value, Message):
        target.paths.extend(str(item) for item in _items(value, path))
    elif isinstance(value, Message):
        target.CopyFrom(value)
    else:
        _fill(target, value, strict, path)


def _values(source: object, path: str) -> dict[str, Any]:
    if not is_dataclass(source) or isinstance(source, type):
        raise TypeError(f"{path} must be a dataclass or a mapping, not {type(source).__name__}")
    return {field.name: getattr(source, field.name) for field in fields(source)}


def _items(value: Any, path: str) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise TypeError(f"{path} must be a sequence, not {type(value).__name__}")
    return value


def _scalar(field: FieldDescriptor, value: object, path: str) -> Any:
    if field.enum_type:
        return _enum_number(field.enum_type, value, path)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value


def _enum_number(enum: EnumDescriptor, value: object, path: str) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    text = value.value if isinstance(value, Enum) else value
    found = enum.values_by_name.get(_prefix(enum) + str(text))
    if found is None:
        raise TypeError(f"{path}: {enum.full_name} has no {_prefix(enum)}{text}")
    return int(found.number)


def _put(put: Callable[..., object], *arguments: object, path: str) -> None:
    """Hand a value to protobuf, whose own errors do not name the field."""
    try:
        put(*arguments)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{path}: {error}") from error


# -- from protobuf ----------------------------------------------------------------------------------------------------


def _read(data_type: type[Any], message: Message, path: str, missing: list[Violation], strict: bool) -> object:
    if not is_dataclass(data_type):
        raise TypeError(f"{path or message.DESCRIPTOR.full_name} cannot be read as {data_type!r}")
    known = _fields(message.DESCRIPTOR)
    count = len(missing)
    arguments: dict[str, Any] = {}
    for field, hint in _hints(data_type):
        where = f"{path}.{field.name}" if path else field.name
        descriptor = known.get(field.name)
        if descriptor is None:
            if strict:
                raise TypeError(f"{message.DESCRIPTOR.full_name} has no {field.name}")
            if not _has_default(field):
                raise TypeError(f"{message.DESCRIPTOR.full_name} has no {field.name}, which {data_type.__name__} needs")
            continue
        value = _read_field(descriptor, hint, message, where, missing, strict)
        if value is not None or _is_optional(hint):
            arguments[field.name] = value
        elif not _has_default(field):
            missing.append(Violation(where, "is required", "REQUIRED"))
    if len(missing) > count:
        return None  # All that is missing is gathered before anything is refused.
    return data_type(**arguments)


def _read_field(
    field: FieldDescriptor, hint: Any, message: Message, path: str, missing: list[Violation], strict: bool
) -> Any:
    value = getattr(message, field.name)
    inner = _without_none(hint)
    if _is_map(field):
        of_value = _entry(field).fields_by_name["value"]
        of_key = _entry(field).fields_by_name["key"]
        key_hint, value_hint = get_args(inner) or (Any, Any)
        return {
            _convert(of_key, key_hint, key, f"{path}[{key!r}]", missing, strict): _convert(
                of_value, value_hint, value[key], f"{path}[{key!r}]", missing, strict
            )
            for key in value
        }
    if field.is_repeated:
        make = _SEQUENCES.get(get_origin(inner) or inner, list)
        item_hint = (get_args(inner) or (Any,))[0]
        items = [
            _convert(field, item_hint, item, f"{path}[{index}]", missing, strict) for index, item in enumerate(value)
        ]
        return make(item for item in items if item is not None)
    if field.has_presence:
        if not message.HasField(field.name):
            return None
    elif not value and field.cpp_type in _WHOLE and (field.enum_type or _is_optional(hint)):
        return None
    return _convert(field, inner, value, path, missing, strict)


def _convert(field: FieldDescriptor, hint: Any, value: Any, path: str, missing: list[Violation], strict: bool) -> Any:
    hint = _without_none(hint)
    if field.enum_type:
        return _read_enum(field.enum_type, hint, value)
    if isinstance(value, Timestamp):
        return value.ToDatetime(tzinfo=UTC)
    if isinstance(value, Duration):
        return value.ToTimedelta()
    if isinstance(value, FieldMask) and get_origin(hint) in _SEQUENCES:
        return _SEQUENCES[get_origin(hint)](value.paths)
    if isinstance(value, Message):
        if hint is Any or (isinstance(hint, type) and issubclass(hint, Message)):
            return value
        return _read(hint, value, path, missing, strict)
    if isinstance(hint, type):
        if issubclass(hint, Enum):
            return hint(value)
        if hint is date:
            return date.fromisoformat(value)
    return value


def _read_enum(enum: EnumDescriptor, hint: Any, number: int) -> Any:
    if isinstance(hint, type) and issubclass(hint, int):
        return hint(number)
    found = enum.values_by_number.get(number)
    if found is None or number == 0:
        return None  # Not said, or said by a newer peer in a word that is not known here.
    text = found.name.removeprefix(_prefix(enum))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(text) if text in hint._value2member_map_ else None
    return text


# -- types ------------------------------------------------------------------------------------------------------------


@cache
def _fields(descriptor: Any) -> dict[str, Any]:
    return dict(descriptor.fields_by_name)


@cache
def _prefix(enum: EnumDescriptor) -> str:
    """What the names of an enum's values begin with: its zero is "<PREFIX>UNSPECIFIED"."""
    zero: str = enum.values_by_number[0].name
    return zero.removesuffix("UNSPECIFIED")


@cache
def _hints(data_type: type[Any]) -> tuple[tuple[Field[Any], Any], ...]:
    hints = typing.get_type_hints(data_type)
    return tuple((field, hints[field.name]) for field in fields(data_type) if field.init)


@cache
def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not types.NoneType]
        return options[0] if len(options) == 1 else Any
    return getattr(hint, "__supertype__", hint)


@cache
def _is_optional(hint: Any) -> bool:
    return hint is Any or (get_origin(hint) in (Union, types.UnionType) and types.NoneType in get_args(hint))


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _entry(field: FieldDescriptor) -> Any:
    return field.message_type
