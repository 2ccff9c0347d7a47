"""The part of the gRPC side that is about what was agreed: contracts, parcels, money, and the look back."""

import hashlib
from typing import Any

from entente.campaign.v1 import service_pb2 as pb
from entente.campaign.v1 import service_pb2_grpc
from entente_campaign.adapters import agreements as messages
from entente_campaign.adapters.messages import campaign_message, collaboration_message, moment
from entente_campaign.adapters.sepa import to_sepa
from entente_campaign.application import payables, queries
from entente_campaign.application.commands import campaigns as campaign_commands
from entente_campaign.application.commands import contracts, parcels
from entente_campaign.application.stores import Stores
from entente_campaign.domain import brands, exports
from entente_campaign.domain.contracts import text_of
from entente_campaign.entrypoints.callers import acting_caller, page_scope
from entente_chassis.refusal import NotFound
from entente_chassis.rpc import new_id, request_key


class AgreementsServicer(service_pb2_grpc.CampaignServiceServicer):
    """Serves agencies, clones, parcels, contracts, bank accounts, exports and reviews of campaigns."""

    _stores: Stores

    # -- agencies and clones ------------------------------------------------------------------------------------------

    async def GrantAgency(self, request: pb.GrantAgencyRequest, context: Any) -> pb.Brand:
        caller = await acting_caller(self._stores)
        outcome = await campaign_commands.change_agencies(
            self._stores,
            caller,
            request.name,
            lambda brand, by, now: brands.grant(brand, request.agency, by=by, now=now),
            request=request_key(request),
            etag=request.etag or None,
        )
        return messages.brand_message(outcome, caller)

    async def RevokeAgency(self, request: pb.RevokeAgencyRequest, context: Any) -> pb.Brand:
        caller = await acting_caller(self._stores)
        outcome = await campaign_commands.change_agencies(
            self._stores,
            caller,
            request.name,
            lambda brand, by, now: brands.revoke(brand, request.agency, now=now),
            request=request_key(request),
            etag=request.etag or None,
        )
        return messages.brand_message(outcome, caller)

    async def CloneCampaign(self, request: pb.CloneCampaignRequest, context: Any) -> pb.Campaign:
        caller, key = await acting_caller(self._stores), request_key(request)
        outcome = await campaign_commands.clone_campaign(
            self._stores,
            caller,
            request.name,
            id=new_id(key),
            title=request.title,
            start_time=moment(request, "start_time"),
            request=key,
        )
        return campaign_message(outcome, caller)

    async def GetCampaignReview(self, request: pb.GetCampaignReviewRequest, context: Any) -> pb.CampaignReview:
        caller = await acting_caller(self._stores)
        campaign, review = await queries.review_campaign(self._stores, caller, request.name)
        return messages.review_message(campaign, review)

    # -- parcels ------------------------------------------------------------------------------------------------------

    async def ShipParcel(self, request: pb.ShipParcelRequest, context: Any) -> pb.Collaboration:
        caller = await acting_caller(self._stores)
        outcome = await parcels.ship(
            self._stores,
            caller,
            request.name,
            carrier=request.carrier,
            tracking_number=request.tracking_number,
            tracking_url=request.tracking_url,
            request=request_key(request),
            etag=request.etag or None,
        )
        return collaboration_message(outcome, caller)

    async def ShipParcels(self, request: pb.ShipParcelsRequest, context: Any) -> pb.ShipParcelsResponse:
        results = await parcels.ship_all(
            self._stores,
            await acting_caller(self._stores),
            campaign=request.campaign,
            text=request.csv,
            request=request_key(request),
        )
        return messages.parcels_message(results)

    # -- contracts ----------------------------------------------------------------------------------------------------

    async def OfferContract(self, request: pb.OfferContractRequest, context: Any) -> pb.Contract:
        outcome = await contracts.offer_contract(
            self._stores,
            await acting_caller(self._stores),
            request.collaboration,
            messages.clauses(request.clauses),
            comment=request.comment,
            request=request_key(request),
            etag=request.etag or None,
        )
        return messages.contract_message(outcome)

    async def AcceptContract(self, request: pb.AcceptContractRequest, context: Any) -> pb.Contract:
        outcome = await contracts.accept_contract(
            self._stores,
            await acting_caller(self._stores),
            request.collaboration,
            version=request.version,
            sha256=request.sha256,
            request=request_key(request),
            etag=request.etag or None,
        )
        return messages.contract_message(outcome)

    async def GetContract(self, request: pb.GetContractRequest, context: Any) -> pb.Contract:
        _, contract = await queries.get_contract(self._stores, await acting_caller(self._stores), request.collaboration)
        return messages.contract_message(contract)

    async def GetContractText(self, request: pb.GetContractTextRequest, context: Any) -> pb.GetContractTextResponse:
        collaboration, contract = await queries.get_contract(
            self._stores, await acting_caller(self._stores), request.collaboration
        )
        versions = {each.version: each for each in contract.state.versions}
        version = versions.get(request.version or contract.state.last.version)
        if version is None:
            raise NotFound(
                "VERSION_UNKNOWN",
                f"{contract.id} has no version {request.version}: the last one is {contract.state.last.version}.",
                resource=contract.id,
            )
        text, binding = text_of(version, collaboration, request.language)
        return pb.GetContractTextResponse(
            text=text,
            language=request.language or version.clauses.language,
            version=version.version,
            binding=binding,
            sha256=version.sha256,
        )

    # -- money --------------------------------------------------------------------------------------------------------

    async def SetBankAccount(self, request: pb.SetBankAccountRequest, context: Any) -> pb.BankAccount:
        outcome = await payables.set_bank_account(
            self._stores, await acting_caller(self._stores), request.owner, messages.account(request)
        )
        return messages.account_message(outcome.state)

    async def GetBankAccount(self, request: pb.GetBankAccountRequest, context: Any) -> pb.BankAccount:
        outcome = await payables.get_bank_account(self._stores, await acting_caller(self._stores), request.owner)
        return messages.account_message(outcome.state)

    async def DeleteBankAccount(self, request: pb.DeleteBankAccountRequest, context: Any) -> pb.BankAccount:
        outcome = await payables.delete_bank_account(self._stores, await acting_caller(self._stores), request.owner)
        return messages.account_message(outcome.state)

    async def CreatePayableExport(self, request: pb.CreatePayableExportRequest, context: Any) -> pb.PayableExport:
        key = request_key(request)
        outcome = await payables.create_export(
            self._stores,
            await acting_caller(self._stores),
            id=new_id(key),
            brand=request.parent,
            campaign=request.campaign,
            currency_code=request.currency_code or "EUR",
            due_before=moment(request, "due_before_time"),
            execution_time=moment(request, "execution_time"),
            request=key,
        )
        return messages.export_message(outcome)

    async def GetPayableExport(self, request: pb.GetPayableExportRequest, context: Any) -> pb.PayableExport:
        return messages.export_message(
            await payables.get_export(self._stores, await acting_caller(self._stores), request.name)
        )

    async def ListPayableExports(
        self, request: pb.ListPayableExportsRequest, context: Any
    ) -> pb.ListPayableExportsResponse:
        found, token = await payables.list_exports(
            self._stores,
            await acting_caller(self._stores),
            brand=request.parent,
            page_size=request.page_size,
            page_token=request.page_token,
            scope=page_scope(request),
        )
        return pb.ListPayableExportsResponse(
            payable_exports=[messages.export_message(each) for each in found], next_page_token=token
        )

    async def GetPayableExportFile(
        self, request: pb.GetPayableExportFileRequest, context: Any
    ) -> pb.GetPayableExportFileResponse:
        caller = await acting_caller(self._stores)
        export = (await payables.get_export(self._stores, caller, request.name)).state
        name = request.name.rpartition("/")[2]
        if request.format == pb.PAYABLE_FILE_FORMAT_CSV:
            content, file_name, media_type = exports.to_csv(export), f"payables-{name}.csv", "text/csv"
        else:
            payer, payees = await payables.accounts_of(self._stores, export)
            content = to_sepa(export, payer, payees)
            file_name, media_type = f"payables-{name}.xml", "application/xml"
        return pb.GetPayableExportFileResponse(
            content=content, file_name=file_name, media_type=media_type, sha256=hashlib.sha256(content).hexdigest()
        )

    async def VoidPayableExport(self, request: pb.VoidPayableExportRequest, context: Any) -> pb.PayableExport:
        outcome = await payables.void_export(
            self._stores,
            await acting_caller(self._stores),
            request.name,
            request=request_key(request),
            etag=request.etag or None,
        )
        return messages.export_message(outcome)

    async def MarkPayableExportPaid(self, request: pb.MarkPayableExportPaidRequest, context: Any) -> pb.PayableExport:
        outcome = await payables.mark_paid(
            self._stores,
            await acting_caller(self._stores),
            request.name,
            request=request_key(request),
            etag=request.etag or None,
        )
        return messages.export_message(outcome)
