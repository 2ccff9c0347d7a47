"""Shortlists of a brand."""

from datetime import UTC, datetime, timedelta

import pytest

from entente_chassis.refusal import AlreadyExists, Invalid, NotFound
from entente_matching.domain.shortlists import Shortlist, create, update

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAME = "brands/b/shortlists/s"
LIST = Shortlist("brands/b", "Spring", NOW, NOW, "for the launch", ("creators/a", "creators/b"))


def test_a_new_shortlist_tells_whom_it_holds() -> None:
    shortlist, event = create(None, NAME, LIST)
    assert shortlist == LIST
    assert event.added_creators == LIST.creators


def test_a_shortlist_needs_a_name_to_show() -> None:
    with pytest.raises(Invalid) as refusal:
        create(None, NAME, Shortlist("brands/b", " ", NOW, NOW))
    assert refusal.value.violations[0].field == "shortlist.display_name"


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(AlreadyExists):
        create(LIST, NAME, LIST)


def test_only_the_named_fields_change_and_the_event_tells_who_came_and_left() -> None:
    given = Shortlist("brands/b", "ignored", NOW, NOW, "ignored", ("creators/b", "creators/c"))
    changed = update(LIST, NAME, given, ["creators"], NOW + timedelta(hours=1))
    assert changed is not None
    shortlist, event = changed
    assert (shortlist.display_name, shortlist.description) == ("Spring", "for the launch")
    assert (event.added_creators, event.removed_creators) == (("creators/c",), ("creators/a",))


def test_a_change_to_what_is_already_so_is_no_change() -> None:
    assert update(LIST, NAME, LIST, [], NOW + timedelta(hours=1)) is None


def test_a_field_that_cannot_be_changed_is_named() -> None:
    with pytest.raises(Invalid) as refusal:
        update(LIST, NAME, LIST, ["brand"], NOW)
    assert "brand" in refusal.value.violations[0].description


def test_a_shortlist_that_does_not_exist_is_not_changed() -> None:
    with pytest.raises(NotFound):
        update(None, NAME, LIST, ["creators"], NOW)
