"""entente messages: conversations, templates, notifications, deliveries, webhooks, bulk messages, personal data."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf.message import Message as ProtoMessage

from entente.messaging.v1 import service_pb2 as me
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json, word
from entente_cli.paths import current_paths
from entente_cli.session import Session, Who, all_pages
from entente_cli.session import brand as as_brand
from entente_cli.session import creator as as_creator
from entente_stack import smtp

app = typer.Typer(help="Conversations, templates, notifications, webhooks and messages to many.", no_args_is_help=True)
template_app = typer.Typer(help="A brand's own words: keep, change, try, go back.", no_args_is_help=True)
webhook_app = typer.Typer(help="Addresses that are told by HTTP POST.", no_args_is_help=True)
bulk_app = typer.Typer(help="Messages to many creators.", no_args_is_help=True)
app.add_typer(template_app, name="template")
app.add_typer(webhook_app, name="webhook")
app.add_typer(bulk_app, name="bulk")

Party = Annotated[str, typer.Argument(help="Who: brands/{id} or creators/{id}.")]
Brand = Annotated[str, typer.Argument(help="The brand, brands/{id}.")]
Conversation = Annotated[str, typer.Argument(help="The conversation, conversations/{campaign}~{creator}.")]
M = TypeVar("M", bound=ProtoMessage)
T = TypeVar("T")


# -- conversations ----------------------------------------------------------------------------------------------------


@app.command("conversations")
def conversations(party: Party, as_json: Json = False) -> None:
    """List somebody's conversations, the one with the latest message first."""

    async def call(session: Session) -> list[me.Conversation]:
        async def page(token: str) -> me.ListConversationsResponse:
            request = me.ListConversationsRequest(participant=party, page_size=500, page_token=token)
            return await session.messaging.ListConversations(request)

        return await all_pages(page, lambda answer: answer.conversations)

    _table(
        _run(call),
        ["name", "about", "unread", "brand speaks", "creator speaks"],
        lambda c: (c.name, c.campaign_title, c.unread_count, c.brand_language, c.creator_language),
        as_json=as_json,
    )


@app.command()
def read(conversation: Conversation, as_json: Json = False) -> None:
    """Show a conversation's messages in order."""

    async def call(session: Session) -> list[me.Message]:
        async def page(token: str) -> me.ListMessagesResponse:
            request = me.ListMessagesRequest(parent=conversation, page_size=500, page_token=token)
            return await session.messaging.ListMessages(request)

        return await all_pages(page, lambda answer: answer.messages)

    _table(
        _run(call),
        ["", "from", "when", "language", "text"],
        lambda m: (m.position, _sender(m), _moment(m.create_time), m.language, m.text),
        as_json=as_json,
    )


@app.command()
def send(
    conversation: Conversation,
    text: Annotated[str, typer.Argument(help="What to say.")],
    who: Annotated[str, typer.Option("--as", help="Who says it: brands/{id} or creators/{id}.")],
    attach: Annotated[list[str] | None, typer.Option("--attach", help="Address of a file; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Write a message."""

    async def call(session: Session) -> me.Message:
        request = me.SendMessageRequest(
            parent=conversation,
            text=text,
            attachments=[me.Attachment(url=url) for url in attach or ()],
            request_id=uuid.uuid4().hex,
        )
        return await session.messaging.SendMessage(request)

    _show(_run(call, _who(who)), lambda m: f"{m.name}, number {m.position}", as_json=as_json)


@app.command()
def watch(conversation: Conversation) -> None:
    """Show the messages of a conversation, and those that come, until interrupted."""

    async def call(session: Session) -> None:
        request = me.StreamMessagesRequest(parent=conversation)
        async for answer in session.messaging.StreamMessages(request):
            message = answer.message
            output.results.print(f"{message.position} {_sender(message)}: {message.text}", markup=False)

    _run(call)


@app.command()
def search(
    party: Party, words: Annotated[str, typer.Argument(help="Words, without case and accents.")], as_json: Json = False
) -> None:
    """Find messages by their words."""

    async def call(session: Session) -> list[me.Message]:
        async def page(token: str) -> me.SearchMessagesResponse:
            request = me.SearchMessagesRequest(participant=party, query=words, page_size=200, page_token=token)
            return await session.messaging.SearchMessages(request)

        return await all_pages(page, lambda answer: answer.messages)

    _table(
        _run(call),
        ["name", "from", "when", "text"],
        lambda m: (m.name, _sender(m), _moment(m.create_time), m.text),
        as_json=as_json,
    )


@app.command()
def unread(party: Party, as_json: Json = False) -> None:
    """Count what somebody has not read."""

    async def call(session: Session) -> me.UnreadCounts:
        return await session.messaging.GetUnreadCounts(me.GetUnreadCountsRequest(participant=party))

    _show(
        _run(call),
        lambda c: f"{c.messages} messages in {c.conversations} conversations, {c.notifications} notifications",
        as_json=as_json,
    )


# -- notifications ----------------------------------------------------------------------------------------------------


@app.command()
def inbox(party: Party, as_json: Json = False) -> None:
    """List what somebody was told, the latest first, and what came of its e-mail."""

    async def call(session: Session) -> list[me.Notification]:
        async def page(token: str) -> me.ListNotificationsResponse:
            request = me.ListNotificationsRequest(recipient=party, page_size=500, page_token=token)
            return await session.messaging.ListNotifications(request)

        return await all_pages(page, lambda answer: answer.notifications)

    _table(
        _run(call),
        ["when", "title", "e-mail", "words", "read"],
        lambda n: (
            _moment(n.create_time),
            n.title,
            f"{word(me.MailState, n.mail_state)} {n.mail_reason}".strip(),
            n.template,
            "yes" if n.HasField("read_time") else "",
        ),
        as_json=as_json,
    )


@app.command()
def moments(as_json: Json = False) -> None:
    """Show the table of notifications: which event tells whom what, where."""

    async def call(session: Session) -> list[me.Moment]:
        return list((await session.messaging.ListMoments(me.ListMomentsRequest())).moments)

    _table(
        _run(call),
        ["event", "if", "to", "words", "kind", "on"],
        lambda m: (
            m.event.rpartition(".")[2],
            "; ".join(m.conditions),
            word(me.Party, m.audience),
            word(me.Occasion, m.occasion),
            word(me.Category, m.category),
            ", ".join(word(me.Channel, channel) for channel in m.channels),
        ),
        as_json=as_json,
    )


@app.command()
def preferences(
    party: Party,
    quiet: Annotated[str | None, typer.Option(help="Quiet hours, such as 22:00-08:00; empty for none.")] = None,
    reminders: Annotated[int | None, typer.Option(help="Reminders by e-mail in 24 hours, at most.")] = None,
    digest_hour: Annotated[int | None, typer.Option(help="Full hour of the digest.")] = None,
    rule: Annotated[
        list[str] | None, typer.Option(help="channel:category=mode, such as email:result=digest; category may be *.")
    ] = None,
) -> None:
    """Show when and where somebody wants to be told, or change it. Rules that are given replace all there are."""
    wanted = me.Preferences(name=f"{party}/preferences")
    paths: list[str] = []
    if quiet is not None:
        wanted.quiet_start, _, wanted.quiet_end = quiet.partition("-")
        paths += ["quiet_start", "quiet_end"]
    if reminders is not None:
        wanted.reminders_per_day = reminders
        paths.append("reminders_per_day")
    if digest_hour is not None:
        wanted.digest_hour = digest_hour
        paths.append("digest_hour")
    if rule is not None:
        wanted.rules.extend(_rule(text) for text in rule)
        paths.append("rules")

    async def call(session: Session) -> me.Preferences:
        if not paths:
            return await session.messaging.GetPreferences(me.GetPreferencesRequest(name=wanted.name))
        request = me.UpdatePreferencesRequest(preferences=wanted, request_id=uuid.uuid4().hex)
        request.update_mask.paths.extend(paths)
        return await session.messaging.UpdatePreferences(request)

    output.show_json(_run(call))


@app.command()
def contact(
    party: Party,
    email: Annotated[str | None, typer.Option(help="The address.")] = None,
    locale: Annotated[str | None, typer.Option(help="Such as fr, or fr-BE.")] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone, such as Europe/Riga.")] = None,
) -> None:
    """Show how somebody is reached, or change it."""
    given = {"email": email, "locale": locale, "time_zone": zone}
    changed = [field for field, value in given.items() if value is not None]

    async def call(session: Session) -> me.Contact:
        name = f"{party}/contact"
        if not changed:
            return await session.messaging.GetContact(me.GetContactRequest(name=name))
        request = me.UpdateContactRequest(
            contact=me.Contact(
                name=name, email=email or "", locale=locale or "", time_zone=zone or "", email_enabled=True
            ),
            request_id=uuid.uuid4().hex,
        )
        request.update_mask.paths.extend([*changed, "email_enabled"])
        return await session.messaging.UpdateContact(request)

    output.show_json(_run(call))


# -- deliveries -------------------------------------------------------------------------------------------------------


@app.command()
def deliveries(
    party: Party,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed: the dead letters.")] = False,
    as_json: Json = False,
) -> None:
    """List what was sent or is to be sent to somebody by e-mail and webhook, with the last attempt."""

    async def call(session: Session) -> list[me.Delivery]:
        state = me.DELIVERY_STATE_FAILED if failed else me.DELIVERY_STATE_UNSPECIFIED

        async def page(token: str) -> me.ListDeliveriesResponse:
            request = me.ListDeliveriesRequest(recipient=party, state=state, page_size=500, page_token=token)
            return await session.messaging.ListDeliveries(request)

        return await all_pages(page, lambda answer: answer.deliveries)

    _table(
        _run(call),
        ["name", "by", "what", "state", "tries", "last"],
        lambda d: (
            d.name,
            word(me.Channel, d.channel),
            word(me.Occasion, d.occasion),
            f"{word(me.DeliveryState, d.state)} {d.reason}".strip(),
            d.attempt_count,
            f"{d.attempts[-1].outcome} {d.attempts[-1].detail}" if d.attempts else "",
        ),
        as_json=as_json,
    )


@app.command()
def replay(
    name: Annotated[str, typer.Argument(help="The delivery, as `entente messages deliveries` shows it.")],
    as_json: Json = False,
) -> None:
    """Send again what failed."""

    async def call(session: Session) -> me.Delivery:
        return await session.messaging.ReplayDelivery(me.ReplayDeliveryRequest(name=name, request_id=uuid.uuid4().hex))

    _show(_run(call), lambda d: f"{d.name} is {word(me.DeliveryState, d.state)}", as_json=as_json)


@app.command()
def bounce(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The mail that came back (.eml).")],
    as_json: Json = False,
) -> None:
    """Hand a bounce in, as the mail server returned it."""

    async def call(session: Session) -> me.ReportBounceResponse:
        return await session.messaging.ReportBounce(me.ReportBounceRequest(message=file.read_bytes()))

    def line(found: me.ReportBounceResponse) -> str:
        lasting = "for good" if found.permanent else "for now"
        return f"{found.delivery}: {found.status}, {lasting}" if found.delivery else "No bounce of ours."

    _show(_run(call), line, as_json=as_json)


@app.command()
def mails(
    to: Annotated[str, typer.Option(help="Only those to an address that holds this.")] = "",
    number: Annotated[int, typer.Option("--show", help="Show the text of the mail with this number.")] = 0,
    as_json: Json = False,
) -> None:
    """Look at the e-mails that the local stack's mail server took."""
    folder = current_paths().mail
    found = [(place, mail) for place, mail in enumerate(smtp.read(folder), 1) if to in ",".join(mail["to"])]
    if number:
        chosen = next((mail for place, mail in found if place == number), None)
        if chosen is None:
            raise CommandError(f"There is no mail {number}: `entente messages mails` lists them.")
        mail = message_from_bytes((folder / chosen["file"]).read_bytes(), policy=policy.default)
        body = mail.get_body(("plain",))
        for header in ("From", "To", "Subject", "Message-ID", "List-Unsubscribe"):
            if mail[header]:
                output.results.print(f"{header}: {mail[header]}", markup=False)
        output.results.print(f"\n{body.get_content() if body else ''}", markup=False)
    elif as_json:
        output.show_json([{"number": place, **mail} for place, mail in found])
    elif found:
        rows = [(place, ", ".join(mail["to"]), mail["subject"]) for place, mail in found]
        output.show_table(["", "to", "subject"], rows)
    else:
        output.results.print("No mails.")


# -- templates --------------------------------------------------------------------------------------------------------

OccasionName = Annotated[str, typer.Argument(help="What for, such as application_accepted: see `messages moments`.")]


@template_app.command("list")
def list_templates(brand: Brand, as_json: Json = False) -> None:
    """List a brand's own words."""

    async def call(session: Session) -> list[me.Template]:
        async def page(token: str) -> me.ListTemplatesResponse:
            request = me.ListTemplatesRequest(parent=brand, page_size=500, page_token=token)
            return await session.messaging.ListTemplates(request)

        return await all_pages(page, lambda answer: answer.templates)

    _table(
        _run(call),
        ["name", "version", "subject"],
        lambda t: (t.name, t.version, t.subject),
        as_json=as_json,
    )


@template_app.command()
def save(
    brand: Brand,
    occasion: OccasionName,
    locale: Annotated[str, typer.Argument(help="Such as fr, or fr-BE.")],
    subject: Annotated[str, typer.Option(help="Subject, with merge fields.")],
    body: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="File with the text.")],
    as_json: Json = False,
) -> None:
    """Keep a brand's own words, or change them."""

    async def call(session: Session) -> me.Template:
        text = body.read_text(encoding="utf-8")
        name = f"{brand}/templates/{occasion.lower().replace('_', '-')}~{locale.lower()}"
        known = {
            t.name for t in (await session.messaging.ListTemplates(me.ListTemplatesRequest(parent=brand))).templates
        }
        if name in known:
            template = me.Template(name=name, subject=subject, body=text)
            return await session.messaging.UpdateTemplate(
                me.UpdateTemplateRequest(template=template, request_id=uuid.uuid4().hex)
            )
        template = me.Template(occasion=_occasion(occasion), locale=locale, subject=subject, body=text)
        return await session.messaging.CreateTemplate(
            me.CreateTemplateRequest(parent=brand, template=template, request_id=uuid.uuid4().hex)
        )

    _show(_run(call), lambda t: f"{t.name}, version {t.version}", as_json=as_json)


@template_app.command()
def preview(
    brand: Brand,
    occasion: OccasionName,
    locale: Annotated[str, typer.Option(help="Such as fr. Empty: that of the conversation's creator.")] = "",
    conversation: Annotated[str, typer.Option(help="Whose names to put in.")] = "",
    subject: Annotated[str, typer.Option(help="Words to try.")] = "",
    body: Annotated[str, typer.Option(help="Words to try.")] = "",
    as_json: Json = False,
) -> None:
    """Show what words would look like. Nothing is kept or sent."""

    async def call(session: Session) -> me.PreviewTemplateResponse:
        return await session.messaging.PreviewTemplate(
            me.PreviewTemplateRequest(
                parent=brand,
                occasion=_occasion(occasion),
                locale=locale,
                conversation=conversation,
                subject=subject,
                body=body,
            )
        )

    _show(_run(call), lambda p: f"{p.subject}\n\n{p.text}\n\n({p.locale}, {p.source or 'yours'})", as_json=as_json)


@template_app.command()
def versions(
    template: Annotated[str, typer.Argument(help="brands/{id}/templates/{template}")], as_json: Json = False
) -> None:
    """List the versions of a template, the latest first."""

    async def call(session: Session) -> list[me.TemplateVersion]:
        async def page(token: str) -> me.ListTemplateVersionsResponse:
            request = me.ListTemplateVersionsRequest(parent=template, page_size=500, page_token=token)
            return await session.messaging.ListTemplateVersions(request)

        return await all_pages(page, lambda answer: answer.versions)

    _table(
        _run(call),
        ["version", "when", "subject"],
        lambda v: (v.version, _moment(v.create_time), v.subject),
        as_json=as_json,
    )


@template_app.command()
def rollback(
    template: Annotated[str, typer.Argument(help="brands/{id}/templates/{template}")],
    version: Annotated[int, typer.Argument(help="The version whose words to take.")],
    as_json: Json = False,
) -> None:
    """Make the words of an earlier version the present ones."""

    async def call(session: Session) -> me.Template:
        return await session.messaging.RollbackTemplate(
            me.RollbackTemplateRequest(name=template, version=version, request_id=uuid.uuid4().hex)
        )

    _show(_run(call), lambda t: f"{t.name}, version {t.version}", as_json=as_json)


@template_app.command()
def delete(
    template: Annotated[str, typer.Argument(help="brands/{id}/templates/{template}")], as_json: Json = False
) -> None:
    """Take a template out of use."""

    async def call(session: Session) -> me.Template:
        return await session.messaging.DeleteTemplate(
            me.DeleteTemplateRequest(name=template, request_id=uuid.uuid4().hex)
        )

    _show(_run(call), lambda t: f"{t.name} is out of use", as_json=as_json)


# -- webhooks ---------------------------------------------------------------------------------------------------------

WebhookName = Annotated[str, typer.Argument(help="The webhook, {party}/webhooks/{id}.")]


@webhook_app.command()
def add(
    party: Party,
    url: Annotated[str, typer.Argument(help="The address.")],
    only: Annotated[list[str] | None, typer.Option(help="Tell of this occasion only; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Register a webhook and print its secret, this one time."""

    async def call(session: Session) -> me.Webhook:
        webhook = me.Webhook(url=url, occasions=[_occasion(name) for name in only or ()])
        request = me.CreateWebhookRequest(parent=party, webhook=webhook, request_id=uuid.uuid4().hex)
        return await session.messaging.CreateWebhook(request)

    _show(_run(call), lambda w: f"{w.name}\nsecret {w.secret}", as_json=as_json)


@webhook_app.command("list")
def list_webhooks(party: Party, as_json: Json = False) -> None:
    """List somebody's webhooks."""

    async def call(session: Session) -> list[me.Webhook]:
        async def page(token: str) -> me.ListWebhooksResponse:
            request = me.ListWebhooksRequest(parent=party, page_size=500, page_token=token)
            return await session.messaging.ListWebhooks(request)

        return await all_pages(page, lambda answer: answer.webhooks)

    _table(
        _run(call),
        ["name", "url", "called"],
        lambda w: (w.name, w.url, "yes" if w.enabled else f"no {w.disabled_reason}".strip()),
        as_json=as_json,
    )


@webhook_app.command("test")
def send_test(name: WebhookName, as_json: Json = False) -> None:
    """Send a webhook a test."""

    async def call(session: Session) -> me.Delivery:
        return await session.messaging.TestWebhook(me.TestWebhookRequest(name=name, request_id=uuid.uuid4().hex))

    _show(_run(call), lambda d: f"{d.name} is on its way: see `messages deliveries`", as_json=as_json)


@webhook_app.command()
def rotate(
    name: WebhookName,
    overlap: Annotated[int, typer.Option(help="Hours for which the old secret signs as well.")] = 24,
    as_json: Json = False,
) -> None:
    """Give a webhook a new secret, and print it."""

    async def call(session: Session) -> me.Webhook:
        request = me.RotateWebhookSecretRequest(name=name, overlap_hours=overlap, request_id=uuid.uuid4().hex)
        return await session.messaging.RotateWebhookSecret(request)

    _show(_run(call), lambda w: f"{w.name}\nsecret {w.secret}", as_json=as_json)


@webhook_app.command()
def enable(name: WebhookName, as_json: Json = False) -> None:
    """Call a webhook again."""

    async def call(session: Session) -> me.Webhook:
        webhook = me.Webhook(name=name, enabled=True)
        request = me.UpdateWebhookRequest(webhook=webhook, request_id=uuid.uuid4().hex)
        request.update_mask.paths.append("enabled")
        return await session.messaging.UpdateWebhook(request)

    _show(_run(call), lambda w: f"{w.name} is called again", as_json=as_json)


@webhook_app.command("remove")
def remove_webhook(name: WebhookName, as_json: Json = False) -> None:
    """Take a webhook away."""

    async def call(session: Session) -> me.Webhook:
        return await session.messaging.DeleteWebhook(me.DeleteWebhookRequest(name=name, request_id=uuid.uuid4().hex))

    _show(_run(call), lambda w: f"{w.name} is taken away", as_json=as_json)


# -- bulk messages ----------------------------------------------------------------------------------------------------


@bulk_app.command("send")
def send_bulk(
    brand: Brand,
    name: Annotated[str, typer.Option("--from", help="Name of the brand to show.")] = "",
    creators: Annotated[Path | None, typer.Option(help="File with creators/{id}, one a line.")] = None,
    shortlist: Annotated[str, typer.Option(help="A shortlist of the brand.")] = "",
    campaign: Annotated[str, typer.Option(help="A campaign of the brand: those who take part.")] = "",
    stage: Annotated[list[str] | None, typer.Option(help="Only those in this state; may be repeated.")] = None,
    platform: Annotated[str, typer.Option(help="Only those of this platform.")] = "",
    min_followers: Annotated[int, typer.Option(help="Only those with as many followers.")] = 0,
    reactivate: Annotated[bool, typer.Option("--reactivate", help="Ask: would you work with us again?")] = False,
    subject: Annotated[str, typer.Option(help="Words for all; else the brand's template.")] = "",
    body: Annotated[str, typer.Option(help="Words for all; else the brand's template.")] = "",
    request_id: Annotated[str, typer.Option(help="The same one again sends nothing twice.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say whom it would go to, and send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send a message to a shortlist, to a stage of a campaign, or to the creators of a file, and follow it."""
    audience = me.BulkAudience(shortlist=shortlist) if shortlist else me.BulkAudience()
    if creators:
        audience.creators.creators.extend(creators.read_text().split())
    elif campaign:
        audience.stage.campaign = campaign
        audience.stage.states.extend(state.upper() for state in stage or ())
        audience.stage.platform = platform.upper()
        audience.stage.min_followers = min_followers
    occasion = me.OCCASION_REACTIVATION if reactivate else me.OCCASION_BROADCAST
    bulk = me.Bulk(audience=audience, occasion=occasion, subject=subject, body=body, brand_display_name=name)

    async def show_preview(session: Session) -> me.PreviewBulkResponse:
        return await session.messaging.PreviewBulk(me.PreviewBulkRequest(parent=brand, bulk=bulk))

    async def call(session: Session) -> me.Bulk:
        request = me.CreateBulkRequest(parent=brand, bulk=bulk, request_id=request_id or uuid.uuid4().hex)
        made = await session.messaging.CreateBulk(request)
        with output.progress() as bar:
            task = bar.add_task(made.name, total=made.recipient_count or None)
            async for answer in session.messaging.WatchBulk(me.WatchBulkRequest(name=made.name)):
                made = answer.bulk
                bar.update(task, completed=_done(made), total=made.recipient_count or None)
        return made

    if dry_run:
        _show(
            _run(show_preview),
            lambda p: (
                f"{p.recipient_count}{' and more' if p.more else ''} recipients: {', '.join(p.recipients[:10])}\n\n"
                f"{p.words.subject}\n\n{p.words.text}"
            ),
            as_json=as_json,
        )
    else:
        _show(_run(call), _bulk_line, as_json=as_json)


@bulk_app.command("show")
def show_bulk(
    name: Annotated[str, typer.Argument(help="brands/{id}/bulks/{bulk}")],
    results: Annotated[bool, typer.Option("--results", help="Also what came of each recipient.")] = False,
    as_json: Json = False,
) -> None:
    """Show how far a bulk message has come."""

    async def call(session: Session) -> tuple[me.Bulk, list[me.BulkResult]]:
        found = await session.messaging.GetBulk(me.GetBulkRequest(name=name))

        async def page(token: str) -> me.ListBulkResultsResponse:
            request = me.ListBulkResultsRequest(parent=name, page_size=1000, page_token=token)
            return await session.messaging.ListBulkResults(request)

        return found, await all_pages(page, lambda answer: answer.results) if results else []

    bulk, each = _run(call)
    if as_json:
        output.show_json({"bulk": bulk, "results": each})
        return
    output.results.print(_bulk_line(bulk), markup=False)
    if each:
        rows = [(r.recipient, word(me.BulkOutcome, r.outcome), r.reason) for r in each]
        output.show_table(["recipient", "outcome", "why"], rows)


@bulk_app.command()
def cancel(name: Annotated[str, typer.Argument(help="brands/{id}/bulks/{bulk}")], as_json: Json = False) -> None:
    """End a bulk message: who was not written to yet is not written to."""

    async def call(session: Session) -> me.Bulk:
        return await session.messaging.CancelBulk(me.CancelBulkRequest(name=name, request_id=uuid.uuid4().hex))

    _show(_run(call), _bulk_line, as_json=as_json)


# -- personal data ----------------------------------------------------------------------------------------------------


@app.command()
def export(party: Party) -> None:
    """Print all that messaging keeps of somebody, as JSON."""

    async def call(session: Session) -> me.ExportPersonalDataResponse:
        whole, token = me.ExportPersonalDataResponse(), ""
        while True:
            request = me.ExportPersonalDataRequest(person=party, page_token=token)
            answer = await session.messaging.ExportPersonalData(request)
            whole.MergeFrom(answer)
            token = answer.next_page_token
            if not token:
                whole.next_page_token = ""
                return whole

    output.show_json(_run(call))


@app.command()
def erase(
    party: Party,
    reason: Annotated[str, typer.Option(help="A reference for the records, nothing personal.")],
    as_json: Json = False,
) -> None:
    """Erase what is personal of somebody, here and, by an event, everywhere. It cannot be undone."""

    async def call(session: Session) -> me.ErasePersonalDataResponse:
        request = me.ErasePersonalDataRequest(person=party, reason=reason, request_id=uuid.uuid4().hex)
        return await session.messaging.ErasePersonalData(request)

    _show(_run(call), lambda e: f"{party} is erased since {_moment(e.erase_time)}", as_json=as_json)


# -- how it is shown --------------------------------------------------------------------------------------------------


def _run(call: Callable[[Session], Awaitable[T]], who: Who | None = None) -> T:
    async def run() -> T:
        session = Session(who=who) if who else Session()
        async with session:
            return await call(session)

    return asyncio.run(run())


def _show(found: M, line: Callable[[M], str], *, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
    elif text := line(found):
        output.results.print(text, markup=False)


def _table(found: list[M], columns: list[str], row: Callable[[M], tuple[Any, ...]], *, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
    elif found:
        output.show_table(columns, [row(one) for one in found])
    else:
        output.results.print("Nothing.")


def _bulk_line(bulk: me.Bulk) -> str:
    counts = ", ".join(f"{count.count} {word(me.BulkOutcome, count.outcome)}" for count in bulk.counts)
    state = word(me.BulkState, bulk.state)
    return f"{bulk.name}: {state} {bulk.problem}, {bulk.recipient_count} recipients: {counts or 'none yet'}"


def _done(bulk: me.Bulk) -> int:
    return sum(count.count for count in bulk.counts if count.outcome != me.BULK_OUTCOME_PENDING)


def _sender(message: me.Message) -> str:
    return f"{word(me.Party, message.sender)}{' (Entente)' if message.automatic else ''}"


def _moment(timestamp: Any) -> str:
    return str(timestamp.ToDatetime().isoformat(" ", "minutes"))


def _who(party: str) -> Who:
    if party.startswith("brands/"):
        return as_brand(party)
    if party.startswith("creators/"):
        return as_creator(party)
    raise CommandError(f"{party} is neither brands/{{id}} nor creators/{{id}}.")


def _occasion(name: str) -> "me.Occasion.ValueType":
    whole = f"OCCASION_{name.upper().replace('-', '_')}"
    if whole not in me.Occasion.keys():  # noqa: SIM118  # An enum's wrapper is no mapping.
        raise CommandError(f"There is no occasion {name!r}: `entente messages moments` lists them.")
    return me.Occasion.Value(whole)


def _rule(text: str) -> me.PreferenceRule:
    where, _, mode = text.partition("=")
    channel, _, category = where.partition(":")
    try:
        return me.PreferenceRule(
            channel=me.Channel.Value(f"CHANNEL_{channel.upper()}"),
            category=(
                me.CATEGORY_UNSPECIFIED if category in ("", "*") else me.Category.Value(f"CATEGORY_{category.upper()}")
            ),
            mode=me.Mode.Value(f"MODE_{mode.upper()}"),
        )
    except ValueError as error:
        raise CommandError(f"{text!r} is no rule: write email:result=digest, or in_app:*=off.") from error
