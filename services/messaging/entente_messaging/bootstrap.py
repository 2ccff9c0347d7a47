"""Puts the messaging service together: the only place that knows every adapter."""

import base64
import secrets
from datetime import timedelta

from entente.campaign.v1 import service_pb2_grpc as campaign_grpc
from entente.matching.v1 import service_pb2_grpc as matching_grpc
from entente.messaging.v1 import events_pb2, service_pb2_grpc
from entente_chassis.clock import Clock
from entente_chassis.runtime import Runtime
from entente_chassis.settings import split_address
from entente_chassis.store import Aggregates, Change
from entente_messaging.adapters import kinds
from entente_messaging.adapters.kinds import Secret
from entente_messaging.adapters.languages import ModelLanguages
from entente_messaging.adapters.mail import SmtpMailer
from entente_messaging.adapters.recipients import AskedRecipients
from entente_messaging.adapters.webhooks import HttpPoster
from entente_messaging.application.ports import Mailer, Poster
from entente_messaging.application.rates import Rates
from entente_messaging.application.stores import Stores
from entente_messaging.application.ways_out import WaysOut
from entente_messaging.entrypoints import timers
from entente_messaging.entrypoints.events import CONSUMES, routes
from entente_messaging.entrypoints.grpc import ACCESS, MessagingServicer
from entente_messaging.entrypoints.http import way_out_app
from entente_messaging.settings import Settings


def build(
    settings: Settings,
    *,
    service: str = "messaging",
    clock: Clock | None = None,
    mailer: Mailer | None = None,
    poster: Poster | None = None,
) -> Runtime:
    """The service, ready to run.

    Args:
        settings: from the environment.
        service: its name, which is its consumer group; another one in tests that run beside others.
        clock: the domain's time, when it is not what the settings say.
        mailer: the way to a mail server, when it is not what the settings say.
        poster: the way to webhooks, when it is not what the settings say.
    """
    runtime = Runtime(service, settings, clock=clock)
    ways_out = WaysOut(settings.public_url)
    stores = Stores(
        contacts=runtime.aggregates(kinds.CONTACTS),
        preferences=runtime.aggregates(kinds.PREFERENCES),
        conversations=runtime.aggregates(kinds.CONVERSATIONS),
        messages=runtime.aggregates(kinds.MESSAGES),
        notifications=runtime.aggregates(kinds.NOTIFICATIONS),
        deliveries=runtime.aggregates(kinds.DELIVERIES),
        mailboxes=runtime.aggregates(kinds.MAILBOXES),
        templates=runtime.aggregates(kinds.TEMPLATES),
        template_versions=runtime.aggregates(kinds.TEMPLATE_VERSIONS),
        webhooks=runtime.aggregates(kinds.WEBHOOKS),
        bulks=runtime.aggregates(kinds.BULKS),
        packets=runtime.aggregates(kinds.PACKETS),
        erasures=runtime.aggregates(kinds.ERASURES),
        mailer=mailer or _smtp(settings),
        poster=poster or HttpPoster(allow_private=settings.webhook_allow_private),
        recipients=AskedRecipients(
            runtime.client(matching_grpc.MatchingServiceStub, settings.matching_address),
            runtime.client(campaign_grpc.CampaignServiceStub, settings.campaign_address),
        ),
        languages=ModelLanguages(),
        ways_out=ways_out,
        clock=runtime.clock,
        rates=Rates(settings.rates(), others=settings.mail_rate),
        patience=settings.patience(),
        claim_for=timedelta(seconds=settings.claim_seconds),
        default_locale=settings.default_locale,
    )
    keys = runtime.aggregates(kinds.SECRETS)

    async def start() -> None:
        ways_out.key = await _key(keys)

    runtime.on_start(start)
    runtime.consume(CONSUMES, routes(stores))
    runtime.timer(stores.deliveries, timers.deliver(stores))
    runtime.timer(stores.mailboxes, timers.send_digest(stores))
    runtime.timer(stores.conversations, timers.file_messages(stores))
    runtime.timer(stores.bulks, timers.collect_recipients(stores))
    runtime.timer(stores.packets, timers.send_packet(stores))
    runtime.timer(stores.erasures, timers.erase(stores))
    runtime.http(way_out_app(stores), settings.http_bind)
    feed = runtime.feed(
        [kinds.EVENTS],
        {
            events_pb2.MessageSent: lambda event: [event.message.conversation],
        },
    )
    runtime.serve(service_pb2_grpc.add_MessagingServiceServicer_to_server, MessagingServicer(stores, feed), ACCESS)
    return runtime


async def _key(keys: Aggregates[Secret]) -> bytes:
    """The key that signs the ways out of e-mails: made once, and the same for every replica."""
    made = Secret(base64.b64encode(secrets.token_bytes(32)).decode())
    kept = await keys.change("secrets/ways-out", lambda secret: Change(made) if secret is None else None)
    return base64.b64decode(kept.state.value)


def _smtp(settings: Settings) -> SmtpMailer:
    return SmtpMailer(
        split_address(settings.smtp_address),
        sender=settings.mail_from,
        display_name=settings.mail_from_name,
        starttls=settings.smtp_starttls,
        login=settings.login(),
        connections=settings.smtp_connections,
    )
