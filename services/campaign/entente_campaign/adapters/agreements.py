"""What was agreed as messages of the API, and back: agencies, contracts, parcels, exports and reviews."""

from collections.abc import Sequence
from dataclasses import replace

from entente.campaign.v1 import service_pb2 as pb
from entente_campaign.adapters.messages import budget_summary
from entente_campaign.application.commands.parcels import ParcelResult
from entente_campaign.domain.bank_accounts import Account, BankAccount
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaign_review import CampaignReview
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.clauses import Clauses
from entente_campaign.domain.contracts import Contract
from entente_campaign.domain.exports import Export
from entente_chassis.auth import Caller
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.store import Outcome


def brand_message(outcome: Outcome[Brand], caller: Caller) -> pb.Brand:
    """A brand; who acts for it is shown to its own side alone."""
    brand = outcome.state
    shown = brand if caller.acts_for_brand(brand.name) else replace(brand, agencies=())
    return to_proto(pb.Brand, vars(shown) | {"etag": outcome.etag})


def clauses(message: pb.ContractClauses) -> Clauses:
    """The clauses of a contract."""
    return from_proto(Clauses, message)


def contract_message(outcome: Outcome[Contract]) -> pb.Contract:
    """A contract."""
    return to_proto(pb.Contract, vars(outcome.state) | {"etag": outcome.etag})


def parcels_message(results: Sequence[ParcelResult]) -> pb.ShipParcelsResponse:
    """What came of the rows of a file."""
    refused = sum(bool(result.errors) for result in results)
    return to_proto(pb.ShipParcelsResponse, {"results": results, "sent": len(results) - refused, "refused": refused})


def account(request: pb.SetBankAccountRequest) -> Account:
    """A bank account."""
    return from_proto(Account, request)


def account_message(kept: BankAccount) -> pb.BankAccount:
    """A bank account without its number."""
    current = kept.current
    return to_proto(
        pb.BankAccount,
        {
            "owner": kept.owner,
            "holder_name": current.holder_name if current else "",
            "iban_ending": current.iban[-4:] if current else "",
            "revision": kept.revision,
            "update_time": kept.update_time,
        },
    )


def export_message(outcome: Outcome[Export]) -> pb.PayableExport:
    """An export."""
    return to_proto(pb.PayableExport, vars(outcome.state) | {"etag": outcome.etag, "total": outcome.state.total})


def review_message(campaign: Campaign, review: CampaignReview) -> pb.CampaignReview:
    """A look back on a campaign."""
    return to_proto(pb.CampaignReview, vars(review) | {"budget": budget_summary(campaign)})
