"""The client of matching: who a creator is, and how well it fits a campaign."""

import logging

import grpc

from entente.matching.v1 import service_pb2 as pb
from entente.matching.v1.service_pb2_grpc import MatchingServiceStub
from entente.type.v1 import type_pb2
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.words import Audience, CreatorSummary, FitReason, Platform
from entente_campaign.metrics import scores_asked
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.refusal import NotFound
from entente_chassis.rpc import to_refusal

log = logging.getLogger(__name__)


class MatchingScorer:
    """Asks matching. A campaign does not wait for it: when it is away, the answer is None.

    Args:
        stub: of matching.
        deadline_seconds: the longest wait.
    """

    def __init__(self, stub: MatchingServiceStub, deadline_seconds: float) -> None:
        self._stub = stub
        self._deadline_seconds = deadline_seconds

    async def score(self, campaign: Campaign, creator: str, platform: Platform | None) -> CreatorSummary | None:
        """What matching knows of a creator, with its fit; None when matching is away.

        Raises:
            NotFound: there is no such creator.
        """
        request = pb.ScoreCreatorRequest(creator=creator, brief=_brief(campaign, platform))
        try:
            answer = await self._stub.ScoreCreator(request, timeout=self._deadline_seconds)
        except grpc.aio.AioRpcError as error:
            refusal = to_refusal(error)
            if isinstance(refusal, NotFound):
                scores_asked.labels("not_found").inc()
                raise NotFound(
                    "CREATOR_UNKNOWN", f"{creator} is not known: register it first.", resource=creator
                ) from (error)
            scores_asked.labels("unavailable").inc()
            log.warning("matching does not say how a creator fits", extra={"reason": refusal.reason})
            return None
        scores_asked.labels("answered").inc()
        return _summary(answer)


def _brief(campaign: Campaign, platform: Platform | None) -> pb.MatchBrief:
    platforms = (platform,) if platform else campaign.platforms
    return to_proto(pb.MatchBrief, {"target_audience": campaign.target_audience, "platforms": platforms})


def _summary(answer: pb.ScoreCreatorResponse) -> CreatorSummary:
    fit = answer.fit if answer.HasField("fit") else None
    known = answer.platform != type_pb2.PLATFORM_UNSPECIFIED
    return CreatorSummary(
        display_name=answer.display_name,
        platform=Platform(type_pb2.Platform.Name(answer.platform).removeprefix("PLATFORM_")) if known else None,
        followers=answer.followers if answer.HasField("followers") else None,
        audience=from_proto(Audience, answer.audience) if answer.HasField("audience") else None,
        score_hundredths=fit.score_hundredths if fit else None,
        reasons=tuple(
            FitReason(
                pb.FitFactor.Name(part.factor).removeprefix("FIT_FACTOR_"),
                part.points_hundredths,
                part.max_points_hundredths,
                part.evidence,
            )
            for part in (fit.contributions if fit else ())
        ),
        formula_version=fit.formula_version if fit else "",
    )
