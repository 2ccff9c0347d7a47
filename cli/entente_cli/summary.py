"""The figures of a run, each counted from what a service, the broker or a receiver holds."""

from typing import Any

from entente.analytics.v1 import service_pb2 as an
from entente.campaign.v1 import service_pb2 as ca
from entente.matching.v1.service_pb2 import SearchCreatorsRequest
from entente.ops.v1.ops_pb2 import DEAD_LETTER_STATE_PENDING, ListDeadLettersRequest
from entente.review.v1 import service_pb2 as re
from entente_cli.figures import Broker, suite_total
from entente_cli.output import word
from entente_cli.patience import answered
from entente_cli.scenario import Stage, seen
from entente_cli.session import Session
from entente_stack import otlp, smtp
from entente_stack.paths import Paths
from entente_stack.services import SERVICES, Suite


async def collect(
    stage: Stage, session: Session, suite: Suite, paths: Paths, broker: Broker, *, written_before: int = 0
) -> dict[str, Any]:
    """Everything that a run came to, but for how long it took.

    Args:
        stage: where it was played.
        session: the services.
        suite: their processes.
        paths: where mails and spans are kept.
        broker: the topics.
        written_before: records that the topics held before the run.
    """
    creators = await answered(lambda: session.matching.SearchCreators(SearchCreatorsRequest(page_size=1)))
    collaborations = await seen.collaborations(stage)
    submissions = await seen.submissions(stage)
    conversions = await seen.conversions(stage)
    kpis = (await seen.report(stage)).kpis.total
    objective = await seen.objective(stage)
    accepted = [c for c in collaborations if c.HasField("accept_time")]
    return {
        "creators_imported": creators.total_size,
        "creators_rejected": stage.outcome.imported.rejected_creators,
        "search_matches": stage.outcome.matches,
        "invited": sum(c.initiator == ca.PARTY_BRAND for c in collaborations),
        "applications": sum(c.initiator == ca.PARTY_CREATOR for c in collaborations),
        "accepted": len(accepted),
        "declined": sum(c.state == ca.COLLABORATION_STATE_DECLINED for c in collaborations),
        "shipped": sum(c.shipment.HasField("send_time") for c in collaborations),
        "received": sum(c.shipment.HasField("receive_time") for c in collaborations),
        "reminders": await seen.reminder_count(stage),
        "submissions": len(submissions),
        "changes_requested": sum(s.state == re.SUBMISSION_STATE_CHANGES_REQUESTED for s in submissions),
        "approved": sum(s.state == re.SUBMISSION_STATE_APPROVED and not s.automatic for s in submissions),
        "auto_approved": sum(s.state == re.SUBMISSION_STATE_APPROVED and s.automatic for s in submissions),
        "published": sum(bool(c.posts) for c in collaborations),
        "messages": await seen.message_count(stage),
        "emails": len(smtp.read(paths.mail)),
        "clicks": _known(kpis, "clicks"),
        "conversions": _known(kpis, "conversions"),
        "refunds": sum(len(conversion.refunds) for conversion in conversions),
        "revenue_minor": kpis.revenue.minor_units if kpis.HasField("revenue") else None,
        "currency": kpis.cost.currency_code or kpis.revenue.currency_code,
        "cost_minor": kpis.cost.minor_units if kpis.HasField("cost") else None,
        "roi": kpis.roi_basis_points / 10_000 if kpis.HasField("roi_basis_points") else None,
        "reach": _known(kpis, "reach"),
        "reach_in_target": _known(kpis, "reach_in_target"),
        "objective_status": word(an.ObjectiveStatus, objective.status),
        "events_published": sum((await broker.ends()).values()) - written_before,
        "events_applied": suite_total(suite, "entente_events_taken_total", outcome="applied"),
        "dead_letters": await _dead_letters(session),
        "traces": len({span["trace_id"] for span in otlp.read(paths.spans)}),
    }


def _known(kpis: Any, field: str) -> int | None:
    return getattr(kpis, field) if kpis.HasField(field) else None


async def _dead_letters(session: Session) -> int:
    waiting = 0
    for service in SERVICES:
        request = ListDeadLettersRequest(state=DEAD_LETTER_STATE_PENDING, page_size=1000)
        stub = session.dead_letters(service)
        waiting += len((await answered(lambda s=stub, r=request: s.ListDeadLetters(r))).dead_letters)  # type: ignore[misc]
    return waiting
