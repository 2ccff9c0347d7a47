"""Puts the service together: the only place that knows every adapter."""

from entente.analytics.v1 import service_pb2_grpc
from entente_analytics.adapters import kinds
from entente_analytics.adapters.archive import Archive
from entente_analytics.adapters.batches import new_consumer, read_batches
from entente_analytics.adapters.clicks import new_incarnation, sender
from entente_analytics.adapters.journal import Journal
from entente_analytics.adapters.reference import Tables
from entente_analytics.adapters.youtube import YouTube
from entente_analytics.application.redirect import DailySalt, LinkBook, Redirect, click_ids
from entente_analytics.application.reports import ShopReports
from entente_analytics.application.stores import Stores
from entente_analytics.domain.clicks import ClickIds, DayVisitors
from entente_analytics.entrypoints import events, streams, timers
from entente_analytics.entrypoints.grpc import ACCESS, AnalyticsServicer
from entente_analytics.entrypoints.http import redirect_app
from entente_analytics.entrypoints.methods import Office
from entente_analytics.settings import Settings
from entente_chassis.clock import Clock
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters
from entente_chassis.runtime import Runtime


def build(settings: Settings, *, service: str = "analytics", clock: Clock | None = None) -> Runtime:
    """The service, ready to run.

    Args:
        settings: from the environment.
        service: its consumer group; another one for an analytics beside the real one, such as a test's.
        clock: the domain's clock; from the settings without one.
    """
    runtime = Runtime(service, settings, clock=clock)
    stores = Stores(
        links=runtime.aggregates(kinds.LINKS),
        promo_codes=runtime.aggregates(kinds.PROMO_CODES),
        code_shapes=runtime.aggregates(kinds.CODE_SHAPES),
        shops=runtime.aggregates(kinds.SHOPS),
        comments=runtime.aggregates(kinds.COMMENTS),
        buckets=runtime.aggregates(kinds.BUCKETS),
        orders=runtime.aggregates(kinds.ORDERS),
        posts=runtime.aggregates(kinds.POSTS),
        campaigns=runtime.aggregates(kinds.CAMPAIGNS),
        collaborations=runtime.aggregates(kinds.COLLABORATIONS),
        watches=runtime.aggregates(kinds.WATCHES),
        secrets=runtime.aggregates(kinds.SECRETS),
        reference=Tables(),
    )
    book = LinkBook(stores)
    visitors = DayVisitors(settings.visitors_remembered)
    incarnation = new_incarnation()
    journal = Journal(settings.journal_dir, incarnation)
    key: list[ClickIds] = []

    def ids() -> ClickIds:
        return key[0]

    async def start() -> None:
        key.append(await click_ids(stores))
        journal.open()
        day = runtime.clock.now().date().isoformat()
        for taken in journal.clicks_of(day):
            visitors.is_new(day, taken.mark)

    redirect = Redirect(book, ids, DailySalt(stores), visitors, incarnation, journal.keep, runtime.clock)
    runtime.on_start(start)
    runtime.topic(kinds.CLICKS)
    runtime.background("click journal", journal.write)
    runtime.background("click stream", lambda: journal.send(sender(runtime.publish)))
    reports = ShopReports(stores, ids, runtime.clock)
    runtime.http(redirect_app(redirect, reports, trusted_proxies=settings.trusted_proxies), settings.http_bind)
    runtime.consume(events.CONSUMES, events.routes(stores, runtime.clock))
    letters = DeadLetters(runtime.aggregates(LETTERS), runtime.aggregates(PARKS))
    archive = Archive(settings.archive)
    kafka, group = settings.kafka_bootstrap, f"entente-{service}"

    async def count() -> None:
        consumer = new_consumer(kafka, f"{group}-clicks", settings.instance, streams.READS)
        handle = streams.count_clicks(stores, book, letters, runtime.clock)
        await read_batches(consumer, handle, max_records=settings.click_batch)

    async def archive_events() -> None:
        consumer = new_consumer(kafka, f"{group}-archive", settings.instance, ())
        await archive.run(consumer, [kinds.CLICKS, kinds.EVENTS])

    runtime.background("clicks", count)
    runtime.background("archive", archive_events)
    look = timers.look_at_objectives(
        stores, runtime.clock, settings.objective_look_every, settings.in_target_alert_basis_points
    )
    runtime.timer(stores.watches, look)
    runtime.timer(stores.promo_codes, timers.settle_promo_codes(stores, runtime.clock))
    runtime.timer(stores.orders, timers.tell_roll_ups(stores, runtime.clock))
    runtime.timer(stores.buckets, timers.refresh_roll_ups(stores))
    connectors = [YouTube(settings.youtube_api_key, settings.youtube_api_url)] if settings.youtube_api_key else []
    runtime.serve(
        service_pb2_grpc.add_AnalyticsServiceServicer_to_server,
        AnalyticsServicer(Office(stores, ids, archive, connectors, runtime.clock, settings.public_url)),
        ACCESS,
    )
    return runtime
