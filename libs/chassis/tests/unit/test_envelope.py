"""The headers of an event: what is written is read, and what is wrong is named."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.envelope import NotAnEvent, headers_of, read_envelope, subject_of
from entente_chassis.store import Outgoing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _event(subject: str, epoch: int, n: int) -> Outgoing:
    return Outgoing("entente.x.events.v1", subject, epoch, n, "entente.X", b"", NOW)


def _wire(headers: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in headers.items()]


@given(
    subject=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=80),
    epoch=st.integers(0, 2**31),
    n=st.integers(1, 2**62),
)
def test_an_event_keeps_its_identity_on_the_wire(subject: str, epoch: int, n: int) -> None:
    envelope = read_envelope("entente.x.events.v1", _wire(headers_of(_event(subject, epoch, n), "campaign", "")))
    assert (envelope.cause.subject, envelope.cause.order, envelope.cause.stream) == (
        subject,
        (epoch, n),
        "entente.x.events.v1",
    )
    assert (envelope.type, envelope.time, envelope.traceparent) == ("entente.X", NOW, "")


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_subject", "ce_time", "ce_sequence"])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    headers = headers_of(_event("campaigns/c", 0, 1), "campaign", "")
    del headers[name]
    with pytest.raises(NotAnEvent, match=name):
        read_envelope("t", _wire(headers))


@pytest.mark.parametrize(("name", "value"), [("ce_time", "yesterday"), ("ce_sequence", "7"), ("ce_sequence", "0:-1")])
def test_a_header_that_is_malformed_is_named(name: str, value: str) -> None:
    with pytest.raises(NotAnEvent, match=name):
        read_envelope("t", _wire(headers_of(_event("campaigns/c", 0, 1), "campaign", "") | {name: value}))


def test_a_record_without_readable_headers_still_says_whose_it_is() -> None:
    assert subject_of(b"campaigns/c", [("ce_subject", b"")]) == "campaigns/c"
    assert subject_of(b"\xff", [("ce_subject", b"campaigns/d")]) == "campaigns/d"
    assert subject_of(None, []) == ""


def test_the_mark_of_a_cause_is_one_field_name_whatever_the_subject() -> None:
    cause = read_envelope("a.b", _wire(headers_of(_event("x.y/$z", 0, 1), "campaign", ""))).cause
    assert not set(".$") & set(cause.mark)
