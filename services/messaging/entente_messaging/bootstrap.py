"""Puts the messaging service together: the only place that knows every adapter."""

from entente.messaging.v1 import service_pb2_grpc
from entente_chassis.clock import Clock
from entente_chassis.runtime import Runtime
from entente_chassis.settings import split_address
from entente_messaging.adapters import kinds
from entente_messaging.adapters.mail import SmtpMailer
from entente_messaging.application.ports import Mailer
from entente_messaging.application.stores import Stores
from entente_messaging.entrypoints import timers
from entente_messaging.entrypoints.events import CONSUMES, routes
from entente_messaging.entrypoints.grpc import ACCESS, MessagingServicer
from entente_messaging.settings import Settings


def build(
    settings: Settings, *, service: str = "messaging", clock: Clock | None = None, mailer: Mailer | None = None
) -> Runtime:
    """The service, ready to run.

    Args:
        settings: from the environment.
        service: its name, which is its consumer group; another one in tests that run beside others.
        clock: the domain's time, when it is not what the settings say.
        mailer: the way to a mail server, when it is not what the settings say.
    """
    runtime = Runtime(service, settings, clock=clock)
    stores = Stores(
        contacts=runtime.aggregates(kinds.CONTACTS),
        conversations=runtime.aggregates(kinds.CONVERSATIONS),
        messages=runtime.aggregates(kinds.MESSAGES),
        notifications=runtime.aggregates(kinds.NOTIFICATIONS),
        templates=runtime.aggregates(kinds.TEMPLATES),
        mailer=mailer or _smtp(settings),
        clock=runtime.clock,
        patience=settings.patience(),
        default_locale=settings.default_locale,
    )
    runtime.consume(CONSUMES, routes(stores))
    runtime.timer(stores.notifications, timers.send_mail(stores))
    runtime.timer(stores.conversations, timers.file_messages(stores))
    runtime.serve(service_pb2_grpc.add_MessagingServiceServicer_to_server, MessagingServicer(stores), ACCESS)
    return runtime


def _smtp(settings: Settings) -> SmtpMailer:
    return SmtpMailer(
        split_address(settings.smtp_address),
        sender=settings.mail_from,
        display_name=settings.mail_from_name,
        starttls=settings.smtp_starttls,
        login=settings.login(),
    )
