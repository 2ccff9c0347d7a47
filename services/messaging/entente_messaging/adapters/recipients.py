"""Who a bulk message goes to: asked of matching for a shortlist, of campaign for a stage."""

from typing import Any

import grpc

from entente.campaign.v1 import service_pb2 as campaign
from entente.matching.v1 import service_pb2 as matching
from entente.type.v1 import type_pb2
from entente_chassis.refusal import Invalid, NotFound, Unavailable, Violation
from entente_messaging.application.ports import Recipient, Recipients
from entente_messaging.domain.bulks import Audience

_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}


class AskedRecipients(Recipients):
    """Asks the services that know. They answer a service for every brand, so that whose it is, is checked here.

    Args:
        matching_stub: of matching.
        campaign_stub: of campaign.
    """

    def __init__(self, matching_stub: Any, campaign_stub: Any) -> None:
        self._matching = matching_stub
        self._campaign = campaign_stub

    async def page(
        self, brand: str, audience: Audience, page_token: str, page_size: int
    ) -> tuple[list[Recipient], str]:
        try:
            if audience.shortlist:
                return await self._shortlist(brand, audience.shortlist), ""
            return await self._stage(brand, audience, page_token, page_size)
        except grpc.aio.AioRpcError as error:
            if error.code() in _AWAY:
                raise Unavailable("RECIPIENTS_UNAVAILABLE", "Who it goes to cannot be asked just now.") from error
            raise _unknown(audience) from error

    async def _shortlist(self, brand: str, name: str) -> list[Recipient]:
        if not name.startswith(f"{brand}/"):
            raise _unknown(Audience(shortlist=name))
        found = await self._matching.GetShortlist(matching.GetShortlistRequest(name=name))
        return [Recipient(creator) for creator in dict.fromkeys(found.creators)]

    async def _stage(
        self, brand: str, audience: Audience, page_token: str, page_size: int
    ) -> tuple[list[Recipient], str]:
        of = await self._campaign.GetCampaign(campaign.GetCampaignRequest(name=audience.campaign))
        if of.brand != brand:
            raise _unknown(audience)
        request = campaign.ListCollaborationsRequest(
            parent=audience.campaign,
            states=[_state(state) for state in audience.states],
            page_size=page_size,
            page_token=page_token,
        )
        answer = await self._campaign.ListCollaborations(request)
        found = [
            Recipient(
                creator=collaboration.creator,
                display_name=collaboration.creator_display_name,
                collaboration=collaboration.name,
                campaign=audience.campaign,
                campaign_title=of.title,
            )
            for collaboration in answer.collaborations
            if _fits(collaboration, audience)
        ]
        return found, answer.next_page_token


def check_stage(audience: Audience) -> None:
    """Refuse states and platforms that campaign does not know.

    Raises:
        Invalid: names them.
    """
    violations = []
    states = set(campaign.CollaborationState.keys())
    for number, state in enumerate(audience.states):
        if f"COLLABORATION_STATE_{state}" not in states:
            known = ", ".join(sorted(s.removeprefix("COLLABORATION_STATE_") for s in states)[:40])
            path = f"bulk.audience.stage.states[{number}]"
            violations.append(Violation(path, f"is no state; there are {known}", "UNKNOWN_STATE"))
    if audience.platform and f"PLATFORM_{audience.platform}" not in set(type_pb2.Platform.keys()):
        violations.append(Violation("bulk.audience.stage.platform", "is no platform", "UNKNOWN_PLATFORM"))
    if violations:
        raise Invalid("AUDIENCE_INVALID", "The stage cannot be asked for.", violations=violations)


def _state(name: str) -> Any:
    return campaign.CollaborationState.Value(f"COLLABORATION_STATE_{name}")


def _fits(collaboration: Any, audience: Audience) -> bool:
    if audience.platform and collaboration.platform != type_pb2.Platform.Value(f"PLATFORM_{audience.platform}"):
        return False
    if collaboration.followers < audience.min_followers:
        return False
    if audience.max_followers and collaboration.followers > audience.max_followers:
        return False
    return not audience.min_fit or (
        collaboration.HasField("fit") and collaboration.fit.score_hundredths >= audience.min_fit
    )


def _unknown(audience: Audience) -> NotFound:
    name = audience.shortlist or audience.campaign
    return NotFound("AUDIENCE_NOT_FOUND", f"There is no {name} of this brand.", resource=name)
