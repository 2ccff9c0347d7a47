"""Aggregates as messages of the API, and back."""

from typing import Any

from entente.messaging.v1 import service_pb2 as pb
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.store import Outcome
from entente_messaging.adapters.recipients import check_stage
from entente_messaging.application.commands.templates import Preview
from entente_messaging.domain.bulks import Audience, Bulk, BulkOutcome, Entry
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.deliveries import Delivery
from entente_messaging.domain.moments import MergeField, Moment
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.occasions import Occasion, Party
from entente_messaging.domain.preferences import Preferences, Rule
from entente_messaging.domain.templates import Template, TemplateVersion
from entente_messaging.domain.webhooks import Webhook


def occasion_of(number: int) -> Occasion:
    """The occasion of a value of the proto."""
    return Occasion(pb.Occasion.Name(number).removeprefix("OCCASION_"))  # type: ignore[arg-type]


def contact_message(outcome: Outcome[Contact]) -> pb.Contact:
    message = to_proto(pb.Contact, outcome.state)
    message.name = outcome.id
    message.etag = outcome.etag
    if outcome.state.updated_at:
        message.update_time.FromDatetime(outcome.state.updated_at)
    return message


def conversation_message(outcome: Outcome[Conversation], party: Party) -> pb.Conversation:
    state = outcome.state
    message = to_proto(pb.Conversation, state.about)
    message.name = outcome.id
    message.etag = outcome.etag
    message.create_time.FromDatetime(state.created_at)
    if state.messages:
        message.last_message_time.FromDatetime(state.last_message_at)
    message.unread_count = state.unread(party)
    message.brand_read_until = state.brand_read.message
    message.creator_read_until = state.creator_read.message
    message.brand_language = state.brand_language
    message.creator_language = state.creator_language
    return message


def written_message(outcome: Outcome[Message]) -> pb.Message:
    message = to_proto(pb.Message, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    return message


# -- templates --------------------------------------------------------------------------------------------------------


def template_message(outcome: Outcome[Template]) -> pb.Template:
    message = to_proto(pb.Template, outcome.state)
    message.name = outcome.id
    message.etag = outcome.etag
    message.create_time.FromDatetime(outcome.state.created_at)
    message.update_time.FromDatetime(outcome.state.updated_at)
    return message


def version_message(outcome: Outcome[TemplateVersion]) -> pb.TemplateVersion:
    message = to_proto(pb.TemplateVersion, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    return message


def preview_message(preview: Preview) -> pb.PreviewTemplateResponse:
    said = preview.said
    return pb.PreviewTemplateResponse(
        subject=said.title, text=said.text, html=preview.html, locale=said.locale, source=said.source
    )


def moment_message(moment: Moment, party: Party, fields: list[MergeField]) -> pb.Moment:
    row = {
        "occasion": moment.occasion,
        "event": moment.event,
        "conditions": [f"{path} = {value}" for path, values in moment.when.items() for value in values],
        "audience": party,
        "category": moment.category,
        "channels": moment.channels,
        "in_conversation": moment.in_conversation,
        "fields": [{"name": field.name, "type": field.type.value, "source": field.source} for field in fields],
        "stopped_by": moment.stopped_by,
    }
    return to_proto(pb.Moment, row)


# -- notifications ----------------------------------------------------------------------------------------------------


def notification_message(outcome: Outcome[Notification], mail: Delivery | None) -> pb.Notification:
    message = to_proto(pb.Notification, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    if outcome.state.read_at:
        message.read_time.FromDatetime(outcome.state.read_at)
    if mail:
        message.mail_state = pb.MailState.Value(f"MAIL_STATE_{mail.state.value}")
        message.mail_reason = mail.reason
    return message


def preferences_message(name: str, outcome: Outcome[Preferences] | None) -> pb.Preferences:
    state = outcome.state if outcome else Preferences()
    message = to_proto(pb.Preferences, state)
    message.name = name
    message.etag = outcome.etag if outcome else ""
    if state.updated_at:
        message.update_time.FromDatetime(state.updated_at)
    return message


def preferences_of_message(message: pb.Preferences) -> Preferences:
    known = Preferences()
    return Preferences(
        rules=tuple(from_proto(Rule, rule) for rule in message.rules),
        quiet_start=message.quiet_start,
        quiet_end=message.quiet_end,
        reminders_per_day=(
            message.reminders_per_day if message.HasField("reminders_per_day") else known.reminders_per_day
        ),
        digest_hour=message.digest_hour if message.HasField("digest_hour") else known.digest_hour,
    )


def webhook_message(outcome: Outcome[Webhook], *, with_secret: bool = False) -> pb.Webhook:
    state = outcome.state
    message = pb.Webhook(
        name=outcome.id,
        url=state.url,
        occasions=[pb.Occasion.Value(f"OCCASION_{occasion.value}") for occasion in state.occasions],
        enabled=state.enabled,
        disabled_reason=state.disabled_reason,
        secret=state.secret if with_secret else "",
        etag=outcome.etag,
    )
    message.create_time.FromDatetime(state.created_at)
    for field, moment in (
        (message.old_secret_expire_time, state.old_until),
        (message.failing_since_time, state.failing_since),
        (message.last_success_time, state.last_success_at),
    ):
        if moment:
            field.FromDatetime(moment)
    return message


def delivery_message(outcome: Outcome[Delivery]) -> pb.Delivery:
    state = outcome.state
    message = to_proto(pb.Delivery, state)
    message.name = outcome.id
    message.attempt_count = state.tries
    message.create_time.FromDatetime(state.created_at)
    if state.next_at:
        message.next_attempt_time.FromDatetime(state.next_at)
    return message


# -- bulk messages ----------------------------------------------------------------------------------------------------


def audience_of(message: pb.BulkAudience) -> tuple[Audience, list[str]]:
    """Whom a bulk message goes to; the creators that it names, if it does.

    Raises:
        Invalid: the stage is none that campaign knows.
    """
    stage = message.stage
    audience = Audience(
        shortlist=message.shortlist,
        campaign=stage.campaign,
        states=tuple(stage.states),
        platform=stage.platform,
        min_followers=stage.min_followers,
        max_followers=stage.max_followers,
        min_fit=stage.min_fit_score_hundredths,
    )
    check_stage(audience)
    return audience, list(message.creators.creators)


def bulk_of_message(brand: str, message: pb.Bulk, audience: Audience, now: Any) -> Bulk:
    return Bulk(
        brand=brand,
        brand_name=message.brand_display_name,
        audience=audience,
        occasion=occasion_of(message.occasion),
        subject=message.subject,
        body=message.body,
        locale=message.locale,
        created_at=now,
    )


def bulk_message(outcome: Outcome[Bulk]) -> pb.Bulk:
    state = outcome.state
    message = pb.Bulk(
        name=outcome.id,
        occasion=pb.Occasion.Value(f"OCCASION_{state.occasion.value}"),
        subject=state.subject,
        body=state.body,
        locale=state.locale,
        brand_display_name=state.brand_name,
        state=pb.BulkState.Value(f"BULK_STATE_{state.state.value}"),
        recipient_count=state.recipients,
        counts=[
            pb.BulkCount(outcome=pb.BulkOutcome.Value(f"BULK_OUTCOME_{outcome}"), count=count)
            for outcome, count in sorted(_counts(state).items())
        ],
        problem=state.problem,
        etag=outcome.etag,
    )
    if state.audience.shortlist:
        message.audience.shortlist = state.audience.shortlist
    elif state.audience.campaign:
        stage = message.audience.stage
        stage.campaign = state.audience.campaign
        stage.states.extend(state.audience.states)
        stage.platform = state.audience.platform
        stage.min_followers = state.audience.min_followers
        stage.max_followers = state.audience.max_followers
        stage.min_fit_score_hundredths = state.audience.min_fit
    message.create_time.FromDatetime(state.created_at)
    if state.ended_at:
        message.end_time.FromDatetime(state.ended_at)
    return message


def result_message(entry: Entry) -> pb.BulkResult:
    return pb.BulkResult(
        recipient=entry.creator,
        outcome=pb.BulkOutcome.Value(f"BULK_OUTCOME_{entry.outcome.value}"),
        reason=entry.reason,
        notification=entry.notification,
    )


def _counts(bulk: Bulk) -> dict[str, int]:
    pending = bulk.recipients - sum(bulk.counts.values())
    return dict(bulk.counts) | ({BulkOutcome.PENDING.value: pending} if pending > 0 else {})
