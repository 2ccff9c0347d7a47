"""The campaign service's gRPC side: reads the message, calls the use case, writes the answer."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from entente.campaign.v1 import service_pb2 as pb
from entente.ops.v1 import ops_pb2
from entente_campaign.adapters.agreements import brand_message
from entente_campaign.adapters.messages import (
    campaign_message,
    campaign_states,
    campaign_values,
    collaboration_message,
    collaboration_states,
    decline_reasons,
    dispute_outcome,
    moment,
    money,
    payable_message,
    platform,
    proposal,
    result_messages,
    watch_message,
)
from entente_campaign.application import queries, watching
from entente_campaign.application.commands import applications
from entente_campaign.application.commands import bulk as bulk_commands
from entente_campaign.application.commands import campaigns as campaign_commands
from entente_campaign.application.commands.steps import Step, take_step
from entente_campaign.application.stores import Stores
from entente_campaign.domain import campaigns, collaborations
from entente_campaign.domain.events import Ratings
from entente_campaign.domain.words import Party
from entente_campaign.entrypoints.agreements import AgreementsServicer
from entente_campaign.entrypoints.callers import acting_caller, page_scope
from entente_campaign.entrypoints.operations import ANSWER_APPLICATIONS
from entente_chassis.feeds import Feed
from entente_chassis.operations import Operations
from entente_chassis.protomap import from_proto
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.rpc import Access, Role, current_caller, new_id, request_key, set_resume_token

_BRAND = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR})
_CREATOR = frozenset({Role.CREATOR, Role.OPERATOR})
_EITHER = _BRAND | _CREATOR
_READ = _EITHER | {Role.SERVICE}

ACCESS: Access = {
    "RegisterBrand": _BRAND,
    "GetBrand": _READ,
    "CreateCampaign": _BRAND,
    "GetCampaign": _READ,
    "ListCampaigns": _READ,
    "UpdateCampaign": _BRAND,
    "PublishCampaign": _BRAND,
    "PauseCampaign": _BRAND,
    "ResumeCampaign": _BRAND,
    "CancelCampaign": _BRAND,
    "CompleteCampaign": _BRAND,
    "ArchiveCampaign": _BRAND,
    "CloneCampaign": _BRAND,
    "GetCampaignReview": _BRAND | {Role.SERVICE},
    "GrantAgency": _BRAND,
    "RevokeAgency": _BRAND,
    "ShipParcels": _BRAND,
    "OfferContract": _EITHER,
    "AcceptContract": _EITHER,
    "GetContract": _READ,
    "GetContractText": _READ,
    "SetBankAccount": _EITHER,
    "GetBankAccount": _EITHER,
    "DeleteBankAccount": _EITHER,
    "CreatePayableExport": _BRAND,
    "GetPayableExport": _BRAND,
    "ListPayableExports": _BRAND,
    "GetPayableExportFile": _BRAND,
    "VoidPayableExport": _BRAND,
    "MarkPayableExportPaid": _BRAND,
    "ApplyToCampaign": _CREATOR,
    "InviteCreators": _BRAND,
    "RespondToInvitation": _CREATOR,
    "PreselectApplication": _BRAND,
    "AcceptApplication": _BRAND,
    "AcceptApplications": _BRAND,
    "DeclineApplication": _BRAND,
    "DeclineApplications": _BRAND,
    "WaitlistApplication": _BRAND,
    "AnswerApplications": _BRAND,
    "WithdrawCollaboration": _EITHER,
    "GetCollaboration": _READ,
    "ListCollaborations": _READ,
    "ShipParcel": _BRAND,
    "ConfirmReceipt": _CREATOR,
    "ReportLoss": _CREATOR,
    "ReportPublication": _CREATOR,
    "CompleteCollaboration": _BRAND,
    "RateCollaboration": _BRAND,
    "WatchCampaign": _READ,
    "OpenDispute": _EITHER,
    "ResolveDispute": frozenset({Role.OPERATOR}),
    "ListPayables": _BRAND | {Role.SERVICE},
}
"""Who may call what. Whose brand or creator it is, is asked of each call besides."""


class CampaignServicer(AgreementsServicer):
    """Serves brands, campaigns and collaborations."""

    def __init__(self, stores: Stores, operations: Operations, feed: Feed) -> None:
        self._stores = stores
        self._feed = feed
        self._operations = operations

    # -- brands and campaigns -----------------------------------------------------------------------------------------

    async def RegisterBrand(self, request: pb.RegisterBrandRequest, context: Any) -> pb.Brand:
        key = request_key(request)
        caller = current_caller()
        outcome = await campaign_commands.register_brand(
            self._stores,
            caller,
            id=request.brand_id or new_id(key),
            display_name=request.brand.display_name,
            country=request.brand.country,
            website=request.brand.website,
            request=key,
        )
        return brand_message(outcome, caller)

    async def GetBrand(self, request: pb.GetBrandRequest, context: Any) -> pb.Brand:
        caller = await acting_caller(self._stores)
        return brand_message(await queries.get_brand(self._stores, caller, request.name), caller)

    async def CreateCampaign(self, request: pb.CreateCampaignRequest, context: Any) -> pb.Campaign:
        key = request_key(request)
        caller = await acting_caller(self._stores)
        outcome = await campaign_commands.create_campaign(
            self._stores,
            caller,
            id=new_id(key),
            brand=request.campaign.brand,
            values=campaign_values(request.campaign),
            request=key,
        )
        return campaign_message(outcome, caller)

    async def GetCampaign(self, request: pb.GetCampaignRequest, context: Any) -> pb.Campaign:
        caller = await acting_caller(self._stores)
        return campaign_message(await queries.get_campaign(self._stores, caller, request.name), caller)

    async def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Any) -> pb.ListCampaignsResponse:
        caller = await acting_caller(self._stores)
        found, token = await queries.list_campaigns(
            self._stores,
            caller,
            brand=request.brand,
            states=campaign_states(request.states),
            filter=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            scope=page_scope(request),
        )
        return pb.ListCampaignsResponse(
            campaigns=[campaign_message(each, caller) for each in found], next_page_token=token
        )

    async def UpdateCampaign(self, request: pb.UpdateCampaignRequest, context: Any) -> pb.Campaign:
        caller = await acting_caller(self._stores)
        outcome = await campaign_commands.update_campaign(
            self._stores,
            caller,
            request.campaign.name,
            values=campaign_values(request.campaign, list(request.update_mask.paths)),
            request=request_key(request),
            etag=request.campaign.etag or None,
        )
        return campaign_message(outcome, caller)

    async def PublishCampaign(self, request: pb.PublishCampaignRequest, context: Any) -> pb.Campaign:
        return await self._move_campaign(request, campaigns.publish)

    async def PauseCampaign(self, request: pb.PauseCampaignRequest, context: Any) -> pb.Campaign:
        return await self._move_campaign(request, lambda state, now: campaigns.pause(state, request.reason, now))

    async def ResumeCampaign(self, request: pb.ResumeCampaignRequest, context: Any) -> pb.Campaign:
        return await self._move_campaign(request, campaigns.resume)

    async def CancelCampaign(self, request: pb.CancelCampaignRequest, context: Any) -> pb.Campaign:
        return await self._move_campaign(request, lambda state, now: campaigns.cancel(state, request.reason, now))

    async def CompleteCampaign(self, request: pb.CompleteCampaignRequest, context: Any) -> pb.Campaign:
        return await self._move_campaign(request, campaigns.complete)

    async def ArchiveCampaign(self, request: pb.ArchiveCampaignRequest, context: Any) -> pb.Campaign:
        return await self._move_campaign(request, campaigns.archive)

    async def _move_campaign(self, request: Any, step: Any) -> pb.Campaign:
        caller = await acting_caller(self._stores)
        outcome = await campaign_commands.move_campaign(
            self._stores, caller, request.name, step, request=request_key(request), etag=request.etag or None
        )
        return campaign_message(outcome, caller)

    # -- applications and invitations ---------------------------------------------------------------------------------

    async def ApplyToCampaign(self, request: pb.ApplyToCampaignRequest, context: Any) -> pb.Collaboration:
        caller = await acting_caller(self._stores)
        outcome = await applications.apply_to_campaign(
            self._stores, caller, campaign=request.campaign, proposal=proposal(request), request=request_key(request)
        )
        return collaboration_message(outcome, caller)

    async def InviteCreators(self, request: pb.InviteCreatorsRequest, context: Any) -> pb.InviteCreatorsResponse:
        caller = await acting_caller(self._stores)
        results = await applications.invite_creators(
            self._stores,
            caller,
            campaign=request.campaign,
            proposals=[proposal(each) for each in request.invitations],
            request=request_key(request),
        )
        return pb.InviteCreatorsResponse(results=result_messages(results, caller))

    async def WaitlistApplication(self, request: pb.WaitlistApplicationRequest, context: Any) -> pb.Collaboration:
        return await self._answer(request, Party.BRAND, applications.waitlisting(request.comment))

    async def AnswerApplications(self, request: pb.AnswerApplicationsRequest, context: Any) -> ops_pb2.Operation:
        asked = queries.read_filter(request.filter)
        brand, total = await bulk_commands.count_rows(
            self._stores,
            await acting_caller(self._stores),
            campaign=request.campaign,
            creators=request.creators,
            asked=asked,
        )
        return await self._operations.start(
            ANSWER_APPLICATIONS, request, parent=brand, total=total, request=request_key(request)
        )

    async def RespondToInvitation(self, request: pb.RespondToInvitationRequest, context: Any) -> pb.Collaboration:
        if request.answer == pb.INVITATION_ANSWER_ACCEPT:
            return await self._answer(request, Party.CREATOR, applications.accepting(request.comment, request.option))
        return await self._answer(request, Party.CREATOR, _declining(request))

    async def PreselectApplication(self, request: pb.PreselectApplicationRequest, context: Any) -> pb.Collaboration:
        return await self._step(request, Party.BRAND, collaborations.preselect)

    async def AcceptApplication(self, request: pb.AcceptApplicationRequest, context: Any) -> pb.Collaboration:
        return await self._answer(request, Party.BRAND, applications.accepting(request.comment))

    async def AcceptApplications(
        self, request: pb.AcceptApplicationsRequest, context: Any
    ) -> pb.AcceptApplicationsResponse:
        results = await self._answer_several(request, applications.accepting(request.comment))
        return pb.AcceptApplicationsResponse(results=results)

    async def DeclineApplication(self, request: pb.DeclineApplicationRequest, context: Any) -> pb.Collaboration:
        return await self._answer(request, Party.BRAND, _declining(request))

    async def DeclineApplications(
        self, request: pb.DeclineApplicationsRequest, context: Any
    ) -> pb.DeclineApplicationsResponse:
        return pb.DeclineApplicationsResponse(results=await self._answer_several(request, _declining(request)))

    async def WithdrawCollaboration(self, request: pb.WithdrawCollaborationRequest, context: Any) -> pb.Collaboration:
        return await self._step(request, None, partial(collaborations.withdraw, reason=request.reason))

    async def _answer(self, request: Any, side: Party, give: applications.Answer) -> pb.Collaboration:
        caller = await acting_caller(self._stores)
        outcome = await give(
            self._stores, caller, request.name, side, request=request_key(request), etag=request.etag or None
        )
        return collaboration_message(outcome, caller)

    async def _answer_several(self, request: Any, give: applications.Answer) -> list[pb.CollaborationResult]:
        caller = await acting_caller(self._stores)
        results = await applications.answer_applications(
            self._stores,
            caller,
            campaign=request.campaign,
            creators=request.creators,
            give=give,
            request=request_key(request),
        )
        return result_messages(results, caller)

    # -- the steps of a collaboration ---------------------------------------------------------------------------------

    async def GetCollaboration(self, request: pb.GetCollaborationRequest, context: Any) -> pb.Collaboration:
        caller = await acting_caller(self._stores)
        return collaboration_message(await queries.get_collaboration(self._stores, caller, request.name), caller)

    async def ListCollaborations(
        self, request: pb.ListCollaborationsRequest, context: Any
    ) -> pb.ListCollaborationsResponse:
        caller = await acting_caller(self._stores)
        everywhere = request.parent == "campaigns/-"
        if everywhere and not (request.creator or request.brand):
            raise Invalid(
                "CREATOR_OR_BRAND_REQUIRED",
                "campaigns/- needs a creator or a brand: whose collaborations of all campaigns?",
                violations=[
                    Violation("creator", "or brand is required with campaigns/-", "REQUIRED"),
                    Violation("brand", "or creator is required with campaigns/-", "REQUIRED"),
                ],
            )
        found, token = await queries.list_collaborations(
            self._stores,
            caller,
            campaign="" if everywhere else request.parent,
            creator=request.creator,
            brand=request.brand,
            states=collaboration_states(request.states),
            filter=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            scope=page_scope(request),
        )
        return pb.ListCollaborationsResponse(
            collaborations=[collaboration_message(each, caller) for each in found], next_page_token=token
        )

    async def ConfirmReceipt(self, request: pb.ConfirmReceiptRequest, context: Any) -> pb.Collaboration:
        return await self._step(request, Party.CREATOR, collaborations.receive)

    async def ReportLoss(self, request: pb.ReportLossRequest, context: Any) -> pb.Collaboration:
        return await self._step(request, Party.CREATOR, partial(collaborations.lose, reason=request.reason))

    async def ReportPublication(self, request: pb.ReportPublicationRequest, context: Any) -> pb.Collaboration:
        return await self._step(
            request,
            Party.CREATOR,
            partial(
                collaborations.report_post,
                url=request.url,
                platform=platform(request.platform),
                deliverable=request.deliverable,
                publish_time=moment(request, "publish_time"),
            ),
        )

    async def CompleteCollaboration(self, request: pb.CompleteCollaborationRequest, context: Any) -> pb.Collaboration:
        return await self._step(request, Party.BRAND, collaborations.complete)

    async def RateCollaboration(self, request: pb.RateCollaborationRequest, context: Any) -> pb.Collaboration:
        ratings = from_proto(Ratings, request.ratings)
        return await self._step(
            request,
            Party.BRAND,
            partial(
                collaborations.rate,
                ratings=ratings,
                comment=request.comment,
                work_again=request.work_again if request.HasField("work_again") else None,
            ),
        )

    async def WatchCampaign(
        self, request: pb.WatchCampaignRequest, context: Any
    ) -> AsyncIterator[pb.WatchCampaignResponse]:
        caller = await acting_caller(self._stores)
        set_resume_token(request.resume_token)
        shown = watching.watch_campaign(
            self._stores, self._feed, caller, request.name, resume_token=request.resume_token
        )
        async for each in shown:
            yield watch_message(each, caller)
            set_resume_token(each.token)

    async def OpenDispute(self, request: pb.OpenDisputeRequest, context: Any) -> pb.Collaboration:
        return await self._step(request, None, partial(collaborations.open_dispute, reason=request.reason))

    async def ResolveDispute(self, request: pb.ResolveDisputeRequest, context: Any) -> pb.Collaboration:
        return await self._step(
            request,
            None,
            partial(
                collaborations.resolve_dispute,
                outcome=dispute_outcome(request.outcome),
                creator_amount=money(request, "creator_amount"),
                reason=request.reason,
            ),
        )

    async def ListPayables(self, request: pb.ListPayablesRequest, context: Any) -> pb.ListPayablesResponse:
        found, token = await queries.list_payables(
            self._stores,
            await acting_caller(self._stores),
            parent=request.parent,
            due_before=moment(request, "due_before_time"),
            page_size=request.page_size,
            page_token=request.page_token,
            scope=page_scope(request),
        )
        return pb.ListPayablesResponse(payables=[payable_message(each) for each in found], next_page_token=token)

    async def _step(self, request: Any, side: Party | None, step: Step) -> pb.Collaboration:
        """A step of one collaboration, whose request has name, etag and request_id."""
        caller = await acting_caller(self._stores)
        outcome = await take_step(
            self._stores, caller, request.name, side, step, request=request_key(request), etag=request.etag or None
        )
        return collaboration_message(outcome, caller)


def _declining(request: Any) -> applications.Answer:
    return applications.declining(decline_reasons(request.reasons), request.comment)
