"""Reply times, read marks and the e-mail of a notification."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.refusal import Invalid, Unavailable
from entente_messaging.domain import conversations, notifications
from entente_messaging.domain.contacts import Contact, checked
from entente_messaging.domain.conversations import Collaboration, Conversation, Message, ReplyTimeMeasured
from entente_messaging.domain.names import conversation_name, derived_id, template_name
from entente_messaging.domain.notifications import MailState, Notification, Patience
from entente_messaging.domain.occasions import Occasion, Party

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ABOUT = Collaboration("campaigns/c1/collaborations/ann", "campaigns/c1", "brands/zoe", "creators/ann")
NAME = conversation_name(ABOUT.collaboration)


def _message(sender: Party, minute: int, *, automatic: bool = False) -> Message:
    return Message(NAME, sender, "…", NOW + timedelta(minutes=minute), automatic=automatic)


def _talk(*messages: Message) -> tuple[Conversation, list[int]]:
    conversation, times = conversations.opened(ABOUT, NOW), []
    for number, message in enumerate(messages):
        conversation, events = conversations.take(NAME, conversation, f"m{number}", message)
        conversation = conversations.arrived(conversation, f"m{number}") or conversation
        times += [event.seconds for event in events if isinstance(event, ReplyTimeMeasured)]
    return conversation, times


def test_a_reply_time_runs_from_the_first_message_that_waits() -> None:
    _, times = _talk(
        _message(Party.BRAND, 1), _message(Party.BRAND, 5), _message(Party.CREATOR, 11), _message(Party.CREATOR, 12)
    )
    assert times == [600]


def test_a_creator_who_begins_or_answers_a_template_has_no_reply_time() -> None:
    _, times = _talk(_message(Party.CREATOR, 1), _message(Party.BRAND, 2, automatic=True), _message(Party.CREATOR, 3))
    assert times == []


@given(st.lists(st.tuples(st.sampled_from(Party), st.integers(0, 500)), max_size=20))
def test_reply_times_are_never_negative_and_never_more_than_the_answers(talk: list[tuple[Party, int]]) -> None:
    conversation, times = _talk(*(_message(party, minute) for party, minute in talk))
    assert all(seconds >= 0 for seconds in times)
    assert len(times) <= sum(party is Party.CREATOR for party, _ in talk)
    assert conversation.messages == len(talk)


@given(
    st.lists(st.sampled_from(Party), min_size=1, max_size=20),
    st.lists(st.tuples(st.sampled_from(Party), st.integers(0, 19)), max_size=20),
)
def test_unread_is_what_the_other_side_wrote_after_the_furthest_read_message(
    senders: list[Party], marks: list[tuple[Party, int]]
) -> None:
    conversation, written = conversations.opened(ABOUT, NOW), list[Message]()
    for number, sender in enumerate(senders):
        conversation, _ = conversations.take(NAME, conversation, f"m{number}", _message(sender, number))
        written.append(conversation.arriving[f"m{number}"])
        conversation = conversations.arrived(conversation, f"m{number}") or conversation
    assert [message.position for message in written] == list(range(1, len(senders) + 1))
    furthest = dict.fromkeys(Party, 0)
    for party, index in marks:
        message = written[index % len(written)]
        conversation = conversations.read(conversation, party, f"m{message.position}", message) or conversation
        furthest[party] = max(furthest[party], message.position)
    for party in Party:
        others = [message for message in written if message.sender is not party]
        assert conversation.unread(party) == sum(message.position > furthest[party] for message in others)


def test_a_conversation_holds_only_so_many_messages_on_their_way() -> None:
    conversation = conversations.opened(ABOUT, NOW)
    for number in range(conversations.ARRIVING_AT_ONCE):
        conversation, _ = conversations.take(NAME, conversation, f"m{number}", _message(Party.BRAND, number))
    with pytest.raises(Unavailable):
        conversations.take(NAME, conversation, "one-more", _message(Party.BRAND, 99))
    assert conversations.look_after_at(conversation) == NOW + timedelta(seconds=5)


def _notification() -> Notification:
    return Notification(
        recipient=ABOUT.creator,
        party=Party.CREATOR,
        occasion=Occasion.THANK_YOU,
        brand=ABOUT.brand,
        campaign=ABOUT.campaign,
        collaboration=ABOUT.collaboration,
        values={},
        locale="en",
        title="t",
        text="x",
        created_at=NOW,
        mail_at=NOW,
    )


def test_an_email_waits_for_an_address_and_then_gives_up_but_the_inbox_keeps_it() -> None:
    patience = Patience(wait=timedelta(days=1), look_every=timedelta(hours=5))
    notification, now, looks = _notification(), NOW, 0
    while notification.mail_at is not None:
        now = notification.mail_at
        notification, _ = notifications.without_address(notification, "notifications/n", now, patience)
        looks += 1
    assert (notification.mail_state, notification.mail_reason) == (MailState.FAILED, "NO_CONTACT")
    assert looks == 6
    assert notification.unread


def test_an_email_that_the_server_puts_off_is_tried_ever_more_rarely_and_then_given_up() -> None:
    patience = Patience(give_up=timedelta(days=2), again_from=timedelta(minutes=15), again_to=timedelta(hours=12))
    notification, tried, events = _notification(), [NOW], list[object]()
    while notification.mail_at is not None:
        notification, events = notifications.deferred(notification, "notifications/n", tried[-1], patience)
        tried += [notification.mail_at] if notification.mail_at else []
    waits = [after - before for before, after in pairwise(tried)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (patience.again_from, patience.again_to)
    assert tried[-1] - NOW < patience.give_up + patience.again_to
    assert notification.mail_state is MailState.FAILED
    assert [type(event) for event in events] == [notifications.NotificationFailed]


def test_a_contact_names_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(Invalid) as refused:
        checked(Contact(email="", locale="", time_zone="Europe/Atlantis"))
    fields = [violation.field for violation in refused.value.violations]
    assert fields == ["contact.email", "contact.locale", "contact.time_zone"]


def test_names_are_made_of_what_they_stand_for() -> None:
    assert conversation_name("campaigns/c1/collaborations/ann") == "conversations/c1~ann"
    assert template_name("brands/zoe", Occasion.THANK_YOU, "fr") == "brands/zoe/templates/thank-you~fr"
    assert derived_id("a", "bc") != derived_id("ab", "c")
