"""The rules of messaging: reply times, read marks, quiet hours, retries, reminders, webhooks, packets."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente_chassis.refusal import Invalid, Precondition, Unavailable
from entente_messaging.application.rates import Rates
from entente_messaging.domain import bulks, conversations, deliveries, webhooks
from entente_messaging.domain.attachments import checked as checked_attachments
from entente_messaging.domain.bulks import Audience, Bulk, BulkCompleted, BulkOutcome, BulkState, Entry
from entente_messaging.domain.contacts import Contact, checked
from entente_messaging.domain.conversations import Attachment, Collaboration, Conversation, Message, ReplyTimeMeasured
from entente_messaging.domain.deliveries import Delivery, DeliveryState, Leave, NotificationFailed, Patience, Wait
from entente_messaging.domain.mailboxes import Mailbox, reminding
from entente_messaging.domain.names import conversation_name, derived_id, template_name
from entente_messaging.domain.occasions import Category, Channel, Mode, Occasion, Party
from entente_messaging.domain.preferences import Preferences, Rule, quiet_until
from entente_messaging.domain.preferences import checked as checked_preferences
from entente_messaging.domain.webhooks import Webhook

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


def _delivery(channel: Channel = Channel.EMAIL) -> Delivery:
    return Delivery(
        notification="notifications/n",
        recipient=ABOUT.creator,
        channel=channel,
        occasion=Occasion.THANK_YOU,
        category=Category.COLLABORATION,
        campaign=ABOUT.campaign,
        conversation=NAME,
        created_at=NOW,
        next_at=NOW,
    )


def test_an_email_waits_for_an_address_and_then_gives_up() -> None:
    patience = Patience(wait=timedelta(days=1), look_every=timedelta(hours=5))
    now, looks = NOW, 0
    plan = deliveries.mail_plan(_delivery(), None, Preferences(), now, patience)
    while isinstance(plan, Wait):
        now, looks = plan.until, looks + 1
        plan = deliveries.mail_plan(_delivery(), None, Preferences(), now, patience)
    assert plan == Leave("NO_CONTACT", failed=True)
    assert looks == 5


def test_an_email_that_the_server_puts_off_is_tried_ever_more_rarely_and_then_given_up() -> None:
    patience = Patience(give_up=timedelta(days=2), again_from=timedelta(minutes=15), again_to=timedelta(hours=12))
    delivery, tried, events = _delivery(), [NOW], list[object]()
    while delivery.next_at is not None:
        delivery, events = deliveries.put_off(delivery, tried[-1], "450", patience)
        tried += [delivery.next_at] if delivery.next_at else []
    waits = [after - before for before, after in pairwise(tried)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (patience.again_from, patience.again_to)
    assert tried[-1] - NOW < patience.give_up + patience.again_to
    assert delivery.state is DeliveryState.FAILED
    assert [type(event) for event in events] == [NotificationFailed]
    assert [attempt.outcome for attempt in delivery.attempts] == ["RETRY"] * (delivery.tries - 1) + ["FAILED"]


def test_a_webhook_is_tried_for_three_days_by_the_schedule_and_can_be_replayed_from_its_start() -> None:
    delivery, now = _delivery(Channel.WEBHOOK), NOW
    while delivery.next_at is not None:
        now = delivery.next_at
        delivery, _ = deliveries.not_answered(delivery, now, "500")
    assert (delivery.state, delivery.tries) == (DeliveryState.FAILED, len(deliveries.WEBHOOK_WAITS) + 1)
    assert timedelta(days=3) < now - NOW < timedelta(days=4)
    again = deliveries.replayed(delivery, "d", now)
    assert (again.state, again.tries, again.next_at) == (DeliveryState.PENDING, 0, now)
    assert again.attempts == delivery.attempts
    with pytest.raises(Precondition):
        deliveries.replayed(again, "d", now)


def test_two_processes_claim_a_delivery_and_one_sends_until_it_dies() -> None:
    technical, until = NOW, NOW + timedelta(seconds=60)
    claimed = deliveries.claimed(_delivery(), until)
    assert not deliveries.is_due(claimed, NOW, technical)
    assert deliveries.is_due(claimed, NOW, until)


# -- preferences ------------------------------------------------------------------------------------------------------

QUIET = Preferences(quiet_start="22:00", quiet_end="08:00")


@pytest.mark.parametrize(
    ("zone", "now", "quiet", "end"),
    [
        ("Europe/Paris", "2026-03-10T22:30:00+01:00", QUIET, "2026-03-11T08:00:00+01:00"),
        ("Europe/Paris", "2026-03-10T12:00:00+01:00", QUIET, None),
        # Clocks are put forward at 2:00 on March 29th: the night is an hour shorter.
        ("Europe/Paris", "2026-03-28T22:00:00+01:00", QUIET, "2026-03-29T08:00:00+02:00"),
        # An end that the clocks leave out is the moment at which they are put forward.
        (
            "Europe/Paris",
            "2026-03-29T01:00:00+01:00",
            Preferences(quiet_start="00:30", quiet_end="02:30"),
            "2026-03-29T03:30:00+02:00",
        ),
        # Clocks are put back at 3:00 on October 25th: 2:30 comes twice, and what is between them is quiet once more.
        (
            "Europe/Riga",
            "2026-10-25T03:15:00+02:00",
            Preferences(quiet_start="22:00", quiet_end="03:30"),
            "2026-10-25T03:30:00+02:00",
        ),
        ("America/New_York", "2026-03-10T03:00:00+00:00", QUIET, "2026-03-10T12:00:00+00:00"),
    ],
)
def test_quiet_hours_are_read_off_the_wall_of_the_reader(
    zone: str, now: str, quiet: Preferences, end: str | None
) -> None:
    expected = datetime.fromisoformat(end) if end else None
    assert quiet_until(quiet, ZoneInfo(zone), datetime.fromisoformat(now).astimezone(UTC)) == expected


@settings(max_examples=200)
@given(
    st.sampled_from(["Europe/Paris", "Europe/Riga", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 365 * 24 * 60),
    st.tuples(st.times(), st.times()).filter(lambda pair: f"{pair[0]:%H:%M}" != f"{pair[1]:%H:%M}"),
)
def test_quiet_hours_end_and_then_it_is_not_quiet(zone_name: str, minute: int, hours: tuple[time, time]) -> None:
    zone, now = ZoneInfo(zone_name), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    quiet = Preferences(quiet_start=f"{hours[0]:%H:%M}", quiet_end=f"{hours[1]:%H:%M}")
    end = quiet_until(quiet, zone, now)
    if end is not None:
        assert now < end <= now + timedelta(hours=26)
        assert quiet_until(quiet, zone, end) is None


def test_a_rule_of_a_kind_goes_before_that_of_its_channel() -> None:
    preferences = Preferences(
        rules=(Rule(Channel.EMAIL, Mode.DIGEST), Rule(Channel.EMAIL, Mode.IMMEDIATE, Category.COLLABORATION))
    )
    assert preferences.mode(Category.COLLABORATION, Channel.EMAIL) is Mode.IMMEDIATE
    assert preferences.mode(Category.RESULT, Channel.EMAIL) is Mode.DIGEST
    assert preferences.mode(Category.RESULT, Channel.IN_APP) is Mode.IMMEDIATE


def test_preferences_name_all_that_is_wrong() -> None:
    rule = Rule(Channel.WEBHOOK, Mode.DIGEST)
    with pytest.raises(Invalid) as refused:
        checked_preferences(Preferences(rules=(rule, rule), quiet_start="22:00"))
    assert len(refused.value.violations) == 4


def test_reminders_beyond_the_cap_do_not_fit_until_a_day_has_passed_and_a_repeat_does() -> None:
    mailbox: Mailbox | None = Mailbox("creators/ann")
    for number in range(3):
        assert mailbox
        mailbox = reminding(mailbox, f"d{number}", NOW + timedelta(hours=number), 3)
    assert mailbox
    assert reminding(mailbox, "d3", NOW + timedelta(hours=23), 3) is None
    assert reminding(mailbox, "d1", NOW + timedelta(hours=23), 3) is not None
    assert reminding(mailbox, "d3", NOW + timedelta(hours=24), 3) is not None


# -- reminders that are needless --------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=12), st.integers(0, 20))
def test_a_reminder_is_of_use_when_nothing_after_it_made_it_needless(
    stops: list[tuple[bool, int]], reminder: int
) -> None:
    conversation = conversations.opened(ABOUT, NOW)
    for this_kind, n in stops:
        occasion = Occasion.CONFIRM_RECEIPT if this_kind else Occasion.REVIEW_REMINDER
        conversation = conversations.stop_reminders(conversation, [occasion], "c", (0, n)) or conversation
    useful = not any(this_kind and n >= reminder for this_kind, n in stops)
    assert conversations.may_remind(conversation, Occasion.CONFIRM_RECEIPT, "c", (0, reminder)) is useful


def test_what_another_service_says_ends_reminders_for_good() -> None:
    ended = conversations.stop_reminders(conversations.opened(ABOUT, NOW), [Occasion.REVIEW_REMINDER], "*", None)
    assert ended
    assert not conversations.may_remind(ended, Occasion.REVIEW_REMINDER, "reviews/r1", (3, 99))


# -- attachments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attachment", "field"),
    [
        (Attachment("http://example.org/a.png"), "url"),
        (Attachment("https://me:secret@example.org/a.png"), "url"),
        (Attachment("https://127.0.0.1/a.png"), "url"),
        (Attachment("https://files.internal/a.png"), "url"),
        (Attachment("https://example.org/setup.exe?x=1"), "url"),
        (Attachment("https://example.org/a.pdf", media_type="image/png"), "media_type"),
        (Attachment("https://example.org/a", media_type="application/x-msdownload"), "media_type"),
    ],
)
def test_an_attachment_that_cannot_be_passed_on_is_refused_by_its_field(attachment: Attachment, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_attachments([Attachment("https://example.org/good.png"), attachment])
    assert [violation.field for violation in refused.value.violations] == [f"attachments[1].{field}"]


def test_attachments_are_told_by_their_ending_and_are_not_too_many_bytes_together() -> None:
    kinds = [Attachment("https://a.example/clip.MP4?t=1"), Attachment("https://a.example/page")]
    assert [found.media_type for found in checked_attachments(kinds)] == ["video/mp4", "text/html"]
    big = [Attachment(f"https://a.example/{n}.mp4", size_bytes=100 * 2**20) for n in range(3)]
    with pytest.raises(Invalid):
        checked_attachments(big)


def test_words_are_found_without_case_and_accents() -> None:
    assert conversations.words_of("Crème d’ÉTÉ, Žagarė & STRASSE straße") == (
        "creme",
        "d",
        "ete",
        "zagare",
        "strasse",
    )


# -- rates ------------------------------------------------------------------------------------------------------------


def test_a_provider_gets_its_share_of_each_second_and_the_others_theirs() -> None:
    now = [0.0]
    rates = Rates({"gmail.com": 2}, now=lambda: now[0])
    assert [rates.take("a@gmail.com") for _ in range(3)] == [0, 0, pytest.approx(0.5)]
    assert rates.take("a@laposte.net") == 0
    now[0] = 0.5
    assert rates.take("b@GMAIL.com") == 0
    assert rates.take("b@gmail.com") > 0


# -- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_webhook_that_fails_for_days_is_called_no_more_and_one_success_forgets_it() -> None:
    webhook = Webhook("brands/zoe", "https://a.example", (), "whsec_x", NOW)
    failing = webhooks.not_answered(webhook, "w", NOW, gone=False)
    assert failing
    assert failing[0].enabled
    assert webhooks.not_answered(failing[0], "w", NOW + timedelta(days=4), gone=False) is None
    ended = webhooks.not_answered(failing[0], "w", NOW + timedelta(days=5), gone=False)
    assert ended
    assert not ended[0].enabled
    assert [type(event) for event in ended[1]] == [webhooks.WebhookDisabled]
    well = webhooks.answered(failing[0], NOW + timedelta(days=4))
    assert well
    assert well.failing_since is None
    gone = webhooks.not_answered(webhook, "w", NOW, gone=True)
    assert gone
    assert gone[0].disabled_reason == "GONE"


def test_both_secrets_sign_while_they_overlap() -> None:
    webhook = webhooks.rotated(
        Webhook("brands/zoe", "https://a.example", (), "old", NOW), "new", NOW, timedelta(hours=1)
    )
    assert webhook.secrets(NOW) == ("new", "old")
    assert webhook.secrets(NOW + timedelta(hours=1)) == ("new",)


# -- bulk messages ----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), max_size=20))
def test_every_packet_counts_once_however_often_it_is_told_of(told: list[int]) -> None:
    entries = [Entry(f"creators/c{n}", outcome=BulkOutcome.SENT) for n in range(4 * bulks.PACKET + 1)]
    packets = bulks.packed("b", entries, 0, NOW)
    bulk = Bulk("brands/zoe", "Zoé", Audience(), Occasion.BROADCAST, "s", "b", "fr", NOW)
    begun = bulks.collected(bulk, "", "", len(packets), len(entries), NOW)
    assert begun
    events: list[object] = []
    for number in [*told, *range(5)]:
        counted = bulks.counted(begun, "b", packets[number], NOW)
        if counted:
            begun, new = counted
            events += new
    assert begun.state is BulkState.DONE
    assert begun.counts == {"SENT": len(entries)}
    assert events == [BulkCompleted("b", "brands/zoe", len(entries), len(entries), False)]


def test_a_contact_names_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(Invalid) as refused:
        checked(Contact(email="", locale="", time_zone="Europe/Atlantis"))
    fields = [violation.field for violation in refused.value.violations]
    assert fields == ["contact.email", "contact.locale", "contact.time_zone"]


def test_names_are_made_of_what_they_stand_for() -> None:
    assert conversation_name("campaigns/c1/collaborations/ann") == "conversations/c1~ann"
    assert template_name("brands/zoe", Occasion.THANK_YOU, "fr") == "brands/zoe/templates/thank-you~fr"
    assert derived_id("a", "bc") != derived_id("ab", "c")
