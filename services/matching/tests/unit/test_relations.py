from datetime import UTC, datetime

import pytest

from entente_chassis.refusal import Exhausted, Invalid, NotFound
from entente_matching.domain.relations import (
    LONGEST_NOTE,
    MOST_NOTES,
    Ban,
    Note,
    Relation,
    add_note,
    delete_note,
    lift_ban,
    set_ban,
    set_favourite,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BLANK = Relation("brands/lysandre", "creators/anna", NOW)
BAN = Ban("Sold our samples.", "accounts/ines", NOW)


def test_a_ban_ends_a_favourite_and_must_be_lifted_before_the_next() -> None:
    favourite = set_favourite(BLANK, True, NOW)
    assert favourite is not None
    assert set_favourite(favourite, True, NOW) is None
    banned = set_ban(favourite, BAN)
    assert banned is not None
    assert (banned.favourite, banned.banned) == (False, True)
    assert set_ban(banned, BAN) is None
    with pytest.raises(Invalid, match="lift the ban first"):
        set_favourite(banned, True, NOW)
    lifted = lift_ban(banned, NOW)
    assert lifted == BLANK
    assert lift_ban(BLANK, NOW) is None


def test_a_ban_needs_a_reason() -> None:
    with pytest.raises(Invalid) as refused:
        set_ban(BLANK, Ban(" ", "accounts/ines", NOW))
    assert [violation.field for violation in refused.value.violations] == ["reason"]


def test_notes_are_kept_in_order_and_bounded() -> None:
    relation = BLANK
    for number in range(MOST_NOTES):
        relation = add_note(relation, Note(f"n{number}", f"Répond vite {number}", "accounts/ines", NOW))
    with pytest.raises(Exhausted):
        add_note(relation, Note("more", "one more", "accounts/ines", NOW))
    assert [note.id for note in delete_note(relation, "n1", NOW).notes][:2] == ["n0", "n2"]
    with pytest.raises(NotFound):
        delete_note(relation, "nobody", NOW)
    for text in ("", " \n", "x" * (LONGEST_NOTE + 1)):
        with pytest.raises(Invalid):
            add_note(BLANK, Note("n", text, "accounts/ines", NOW))
