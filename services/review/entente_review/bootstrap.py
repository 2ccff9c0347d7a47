"""Puts the review service together: the only place that knows every adapter."""

from entente.review.v1 import service_pb2_grpc
from entente_chassis.clock import Clock
from entente_chassis.runtime import Runtime
from entente_review.adapters.kinds import (
    CAMPAIGN_SNAPSHOTS,
    CAMPAIGNS,
    COLLABORATION_SNAPSHOTS,
    COLLABORATIONS,
    REVIEWS,
)
from entente_review.adapters.rules import load_rules
from entente_review.application.stores import Desk
from entente_review.entrypoints.events import routes
from entente_review.entrypoints.grpc import ACCESS, ReviewServicer
from entente_review.entrypoints.timers import on_due
from entente_review.settings import Settings


def build(settings: Settings, *, service: str = "review", clock: Clock | None = None) -> Runtime:
    """The service, ready to run.

    Args:
        settings: from the environment.
        service: its name, which is its consumer group; another one in tests that run beside others.
        clock: the domain's time, when it is not what the settings say.
    """
    runtime = Runtime(service, settings, clock=clock)
    desk = Desk(
        reviews=runtime.aggregates(REVIEWS),
        campaigns=runtime.aggregates(CAMPAIGNS),
        collaborations=runtime.aggregates(COLLABORATIONS),
        rules=load_rules(),
        terms=settings.terms(),
        clock=runtime.clock,
        wait_seconds=settings.review_copy_wait_seconds,
    )
    runtime.consume([CAMPAIGN_SNAPSHOTS, COLLABORATION_SNAPSHOTS], routes(desk))
    runtime.timer(desk.reviews, on_due(desk))
    runtime.serve(service_pb2_grpc.add_ReviewServiceServicer_to_server, ReviewServicer(desk), ACCESS)
    return runtime
