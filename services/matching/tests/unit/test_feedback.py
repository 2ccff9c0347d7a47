"""What comes back from collaborations."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_matching.domain.feedback import (
    REPLIES_KEPT,
    Feedback,
    completed,
    fold,
    performance_value,
    rated,
    replied,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STARS = {"CONTENT_QUALITY": 5, "DEADLINES": 3}


def test_ratings_may_come_before_the_completion() -> None:
    first = rated(None, "creators/a", NOW, STARS, brand="brands/b")
    both = completed(first, "creators/a", NOW, brand="brands/b", on_time=True, compliance=0.9)
    other_way = rated(
        completed(None, "creators/a", NOW, brand="brands/b", on_time=True, compliance=0.9),
        "creators/a",
        NOW,
        STARS,
        brand="brands/b",
    )
    assert both == other_way


def test_records_fold_into_means_of_what_is_known() -> None:
    past = fold(
        [
            Feedback("creators/a", NOW, completed=True, on_time=True, compliance=1.0, ratings=STARS),
            Feedback("creators/a", NOW, completed=True, on_time=False, reply_seconds=(60, 600)),
            Feedback("creators/a", NOW, reply_seconds=(3600,)),
        ]
    )
    assert past is not None
    assert (past.completed, past.rated, past.rating) == (2, 1, 4.0)
    assert (past.on_time_share, past.compliance, past.reply_seconds) == (0.5, 1.0, 600.0)
    assert past.ratings == {"CONTENT_QUALITY": 5.0, "DEADLINES": 3.0}


def test_nothing_measured_is_no_performance_rather_than_a_bad_one() -> None:
    assert fold([]) is None
    assert performance_value(None) is None
    assert performance_value(fold([Feedback("creators/a", NOW)])) is None


def test_one_happy_brand_counts_less_than_five() -> None:
    happy = Feedback("creators/a", NOW, completed=True, on_time=True, compliance=1.0, ratings={"ENGAGEMENT": 5})
    one, five = performance_value(fold([happy])), performance_value(fold([happy] * 5))
    assert one == pytest.approx(0.75)
    assert five is not None
    assert one is not None
    assert one < five < 1


def test_replies_are_bounded() -> None:
    feedback = None
    for seconds in range(REPLIES_KEPT + 5):
        feedback = replied(feedback, "creators/a", NOW, seconds)
    assert feedback is not None
    assert feedback.reply_seconds == tuple(range(5, REPLIES_KEPT + 5))


records = st.builds(
    Feedback,
    creator=st.just("creators/a"),
    changed_at=st.just(NOW),
    completed=st.booleans(),
    on_time=st.none() | st.booleans(),
    compliance=st.none() | st.floats(0, 1),
    ratings=st.dictionaries(st.sampled_from(["ENGAGEMENT", "DEADLINES"]), st.integers(1, 5)),
    reply_seconds=st.lists(st.integers(0, 10**7), max_size=4).map(tuple),
)


@given(st.lists(records, max_size=6))
def test_a_performance_is_between_nothing_and_everything(feedback: list[Feedback]) -> None:
    value = performance_value(fold(feedback))
    assert value is None or 0 <= value <= 1


@given(st.lists(records, max_size=5), st.randoms())
def test_the_order_of_collaborations_makes_no_difference(feedback: list[Feedback], random: object) -> None:
    shuffled = list(feedback)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert performance_value(fold(shuffled)) == pytest.approx(performance_value(fold(feedback)))
