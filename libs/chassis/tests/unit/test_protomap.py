from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.money import Money
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.refusal import Invalid

_FILE = """
name: "entente/chassis/mapped/v1/mapped.proto"
package: "entente.chassis.mapped.v1"
syntax: "proto3"
dependency: ["google/protobuf/timestamp.proto", "google/protobuf/duration.proto", "google/protobuf/field_mask.proto",
             "entente/type/v1/type.proto"]
enum_type {
  name: "ParcelState"
  value { name: "PARCEL_STATE_UNSPECIFIED" number: 0 }
  value { name: "PARCEL_STATE_SENT" number: 1 }
  value { name: "PARCEL_STATE_ON_ITS_WAY" number: 2 }
  value { name: "PARCEL_STATE_FROM_THE_FUTURE" number: 9 }
}
message_type {
  name: "Stop"
  field { name: "place" number: 1 type: TYPE_STRING }
  field { name: "state" number: 2 type: TYPE_ENUM type_name: "$.ParcelState" }
}
message_type {
  name: "Parcel"
  field { name: "name" number: 1 type: TYPE_STRING }
  field { name: "state" number: 2 type: TYPE_ENUM type_name: "$.ParcelState" }
  field { name: "weight" number: 3 type: TYPE_INT64 }
  field { name: "ratio" number: 4 type: TYPE_DOUBLE proto3_optional: true oneof_index: 0 }
  field { name: "note" number: 5 type: TYPE_STRING }
  field { name: "sent_at" number: 6 type: TYPE_MESSAGE type_name: ".google.protobuf.Timestamp" }
  field { name: "wait" number: 7 type: TYPE_MESSAGE type_name: ".google.protobuf.Duration" }
  field { name: "price" number: 8 type: TYPE_MESSAGE type_name: ".entente.type.v1.Money" }
  field { name: "stops" number: 9 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: "$.Stop" }
  field { name: "tags" number: 10 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "states" number: 11 type: TYPE_ENUM label: LABEL_REPEATED type_name: "$.ParcelState" }
  field { name: "counts" number: 12 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: "$.Parcel.CountsEntry" }
  field { name: "by_place" number: 13 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: "$.Parcel.ByPlaceEntry" }
  field { name: "day" number: 14 type: TYPE_STRING }
  field { name: "fragile" number: 15 type: TYPE_BOOL }
  field { name: "last_stop" number: 16 type: TYPE_MESSAGE type_name: "$.Stop" }
  field { name: "update_mask" number: 17 type: TYPE_MESSAGE type_name: ".google.protobuf.FieldMask" }
  field { name: "label" number: 18 type: TYPE_BYTES }
  field { name: "times" number: 19 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".google.protobuf.Timestamp" }
  nested_type {
    name: "CountsEntry"
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_INT32 }
    options { map_entry: true }
  }
  nested_type {
    name: "ByPlaceEntry"
    field { name: "key" number: 1 type: TYPE_STRING }
    field { name: "value" number: 2 type: TYPE_MESSAGE type_name: "$.Stop" }
    options { map_entry: true }
  }
  oneof_decl { name: "_ratio" }
}
"""


def _messages() -> tuple[Any, Any]:
    from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2

    from entente.type.v1 import type_pb2

    for needed in (type_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        assert needed.DESCRIPTOR  # Its import has added it to the pool.
    pool = descriptor_pool.Default()
    package = "entente.chassis.mapped.v1"
    file = text_format.Parse(_FILE.replace("$", f".{package}"), descriptor_pb2.FileDescriptorProto())
    pool.AddSerializedFile(file.SerializeToString())
    return (
        GetMessageClass(pool.FindMessageTypeByName(f"{package}.Parcel")),
        GetMessageClass(pool.FindMessageTypeByName(f"{package}.Stop")),
    )


ParcelMessage, StopMessage = _messages()
Place = NewType("Place", str)


class State(StrEnum):
    SENT = "SENT"
    ON_ITS_WAY = "ON_ITS_WAY"


@dataclass(frozen=True)
class Stop:
    place: Place
    state: State | None = None


@dataclass(frozen=True)
class Parcel:
    name: str
    state: State | None = None
    weight: int = 0
    ratio: float | None = None
    note: str | None = None
    sent_at: datetime | None = None
    wait: timedelta | None = None
    price: Money | None = None
    stops: tuple[Stop, ...] = ()
    tags: frozenset[str] = frozenset()
    states: list[State] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    by_place: dict[str, Stop] = field(default_factory=dict)
    day: date | None = None
    fragile: bool = False
    last_stop: Stop | None = None
    update_mask: tuple[str, ...] | None = None
    label: bytes | None = None
    times: list[datetime] = field(default_factory=list)


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_STATES = st.sampled_from(State)
_TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_INT64 = st.integers(-(2**63), 2**63 - 1)
_STOPS = st.builds(Stop, place=_TEXT.map(Place), state=_STATES | st.none())
_PARCELS = st.builds(
    Parcel,
    name=_TEXT,
    state=_STATES | st.none(),
    weight=_INT64,
    ratio=st.none() | st.floats(allow_nan=False),
    note=st.none() | _TEXT.filter(bool),
    sent_at=st.none() | _TIMES,
    wait=st.none() | st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    price=st.none() | st.builds(Money, st.sampled_from(["EUR", "USD"]), _INT64),
    stops=st.lists(_STOPS, max_size=3).map(tuple),
    tags=st.frozensets(_TEXT, max_size=3),
    states=st.lists(_STATES, max_size=3),
    counts=st.dictionaries(_TEXT, st.integers(-(2**31), 2**31 - 1), max_size=3),
    by_place=st.dictionaries(_TEXT, _STOPS, max_size=3),
    day=st.none() | st.dates(date(1, 1, 1)),
    fragile=st.booleans(),
    last_stop=st.none() | _STOPS,
    update_mask=st.none() | st.lists(st.sampled_from(["name", "price.currency_code"])).map(tuple),
    label=st.none() | st.binary(min_size=1, max_size=5),
    times=st.lists(_TIMES, max_size=3),
)


@given(_PARCELS)
def test_whatever_is_mapped_there_and_sent_comes_back_the_same(parcel: Parcel) -> None:
    sent = to_proto(ParcelMessage, parcel, strict=True).SerializeToString()
    assert from_proto(Parcel, ParcelMessage.FromString(sent), strict=True) == parcel


def test_enum_words_get_the_prefix_of_their_enum() -> None:
    message = to_proto(ParcelMessage, {"state": State.ON_ITS_WAY, "states": ["SENT", State.SENT]})
    assert (message.state, list(message.states)) == (2, [1, 1])


def test_a_word_that_the_enum_does_not_have_is_an_error_that_names_the_field() -> None:
    with pytest.raises(TypeError, match=r"Parcel\.stops\.state.*PARCEL_STATE_LOST"):
        to_proto(ParcelMessage, {"stops": [{"state": "LOST"}]})


def test_a_word_from_a_newer_peer_reads_as_not_said() -> None:
    message = ParcelMessage(name="a", state=9, states=[1, 9, 77])
    assert from_proto(Parcel, message) == Parcel("a", state=None, states=[State.SENT])


def test_an_enum_read_as_text_is_its_word_without_the_prefix() -> None:
    @dataclass
    class Loose:
        state: str | None

    assert from_proto(Loose, ParcelMessage(state=2)) == Loose("ON_ITS_WAY")
    assert from_proto(Loose, ParcelMessage()) == Loose(None)


def test_everything_that_is_missing_is_named_at_once() -> None:
    @dataclass
    class Needs:
        state: State
        price: Money
        by_place: dict[str, "NeedsState"]
        sent_at: datetime
        weight: int

    @dataclass
    class NeedsState:
        state: State

    Needs.__annotations__["by_place"] = dict[str, NeedsState]
    with pytest.raises(Invalid) as refused:
        from_proto(Needs, ParcelMessage(by_place={"here": StopMessage(place="x")}))
    fields = {violation.field for violation in refused.value.violations}
    assert fields == {"state", "price", "by_place['here'].state", "sent_at"}


def test_a_field_that_is_not_set_takes_the_default_of_the_dataclass() -> None:
    @dataclass
    class Defaults:
        state: State = State.SENT
        price: Money = Money("EUR", 5)  # noqa: RUF009
        weight: int = 7

    # A number without presence always has a value, so that zero is zero.
    assert from_proto(Defaults, ParcelMessage()) == Defaults(weight=0)


def test_an_optional_number_tells_zero_from_nothing() -> None:
    assert to_proto(ParcelMessage, Parcel("a", ratio=0.0)).HasField("ratio")
    assert not to_proto(ParcelMessage, Parcel("a")).HasField("ratio")
    assert from_proto(Parcel, ParcelMessage(ratio=0)).ratio == 0


def test_an_empty_message_is_still_set() -> None:
    assert to_proto(ParcelMessage, {"last_stop": {}}).HasField("last_stop")


def test_messages_inside_a_dataclass_are_taken_as_they_are() -> None:
    assert to_proto(ParcelMessage, {"last_stop": StopMessage(place="x")}).last_stop.place == "x"


def test_fields_of_one_side_only_are_left_out_unless_it_is_strict() -> None:
    @dataclass
    class Other:
        name: str
        colour: str = "red"

    assert from_proto(Other, to_proto(ParcelMessage, Other("a", "blue"))) == Other("a", "red")
    with pytest.raises(TypeError, match="has no colour"):
        to_proto(ParcelMessage, Other("a"), strict=True)
    with pytest.raises(TypeError, match="has no colour"):
        from_proto(Other, ParcelMessage(), strict=True)


def test_a_dataclass_that_needs_what_the_message_cannot_give_is_a_mistake_of_ours() -> None:
    @dataclass
    class Impossible:
        colour: str

    with pytest.raises(TypeError, match="has no colour, which Impossible needs"):
        from_proto(Impossible, ParcelMessage())


@pytest.mark.parametrize(
    ("field_name", "value"),
    [
        ("sent_at", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("sent_at", "2026-01-01"),
        ("wait", 5),
        ("stops", "abc"),
        ("tags", "abc"),
        ("counts", [1]),
        ("name", 5),
        ("weight", "5"),
        ("last_stop", 5),
        ("tags", [1]),
        ("counts", {"a": "b"}),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_the_field(field_name: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"Parcel\.{field_name}"):
        to_proto(ParcelMessage, {field_name: value})
