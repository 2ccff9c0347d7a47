"""Domain values as the messages of the API, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message

from entente.campaign.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_campaign.application.commands.applications import Result
from entente_campaign.application.commands.bulk import Bulk, RowResult
from entente_campaign.application.watching import Shown
from entente_campaign.domain import places
from entente_campaign.domain.campaigns import (
    Brief,
    Campaign,
    CampaignState,
    Compensation,
    Objective,
    Persona,
)
from entente_campaign.domain.collaborations import Collaboration, Proposal, State, commands_of
from entente_campaign.domain.editing import EDITABLE
from entente_campaign.domain.events import DisputeOutcome
from entente_campaign.domain.meter import ContractNeed, register_hints
from entente_campaign.domain.words import DeclineReason, Mechanic, Party, Platform, TargetAudience, Timeline
from entente_chassis.auth import Caller
from entente_chassis.money import Money
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.refusal import Invalid, Refusal, Violation
from entente_chassis.rpc.errors import to_status
from entente_chassis.store import Outcome

_BRAND_ONLY = ("budget", "budget_summary", "places", "places_taken", "waiting")


@dataclass(frozen=True)
class _Editable:
    """The fields of a campaign that a brand sets, as a message may or may not have them."""

    title: str
    mechanic: Mechanic | None
    objective: Objective | None
    target_audience: TargetAudience | None
    persona: Persona | None
    brief: Brief | None
    markets: tuple[str, ...]
    platforms: tuple[Platform, ...]
    compensation: Compensation | None
    budget: Money | None
    places: int
    application_deadline_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    timeline: Timeline | None
    contract_required: bool


def campaign_values(message: pb.Campaign, paths: Sequence[str] = ()) -> Mapping[str, Any]:
    """What a brand sets of a campaign.

    Args:
        message: holds the values.
        paths: which fields; empty: those that the message has.

    Raises:
        Invalid: a path is not a field that a brand sets.
    """
    if unknown := sorted(set(paths) - set(EDITABLE)):
        raise Invalid(
            "UPDATE_MASK_INVALID",
            f"update_mask can name {', '.join(EDITABLE)}: leave out {', '.join(unknown)}.",
            violations=[Violation("update_mask", f"cannot name {path}", "UNKNOWN_PATH") for path in unknown],
        )
    present = [field.name for field, _ in message.ListFields() if field.name in EDITABLE]
    given = from_proto(_Editable, message)
    values = {path: getattr(given, path) for path in paths or present}
    if "timeline" in values and values["timeline"] is None:
        values["timeline"] = Timeline()
    return values


def campaign_message(outcome: Outcome[Campaign], caller: Caller) -> pb.Campaign:
    """A campaign, without what is between the brand and itself when a creator looks at it."""
    campaign = outcome.state
    values = vars(campaign) | {
        "etag": outcome.etag,
        "budget_summary": budget_summary(campaign),
        "places_taken": places.taken(campaign.held),
        "waiting": len(campaign.waiting),
    }
    if not caller.acts_for_brand(campaign.brand):
        values = {name: value for name, value in values.items() if name not in _BRAND_ONLY}
    return to_proto(pb.Campaign, values)


def budget_summary(campaign: Campaign) -> dict[str, Money] | None:
    """Where the money of a campaign is; None without a budget."""
    if campaign.budget is None:
        return None
    currency = campaign.budget.currency_code
    taken = places.committed(campaign.held, currency)
    spent = places.spent(campaign.held, currency)
    return {
        "total": campaign.budget,
        "committed": taken - spent,
        "payable": places.payable(campaign.held, currency),
        "available": campaign.budget - taken,
        "spent": spent,
        "released": campaign.released or Money.zero(currency),
    }


def collaboration_message(outcome: Outcome[Collaboration], caller: Caller) -> pb.Collaboration:
    """A collaboration, without the brand's view of the creator when the creator looks at it."""
    collaboration = outcome.state
    values = vars(collaboration) | {
        "etag": outcome.etag,
        "compliance_percent": collaboration.compliance_percent,
        "cost": collaboration.cost,
        "register_hints": register_hints(collaboration.markets, collaboration.followers, None),
        "offer_deadline_time": collaboration.offer.deadline_time if collaboration.offer else None,
        "waitlist_time": collaboration.waitlist_time if collaboration.state is State.WAITLISTED else None,
        "allowed_commands": commands_of(collaboration, *_parties(collaboration, caller)),
    }
    if not caller.acts_for_brand(collaboration.brand):
        values |= {"fit": None, "cost": None, "work_again": None, "contract_need": _need_without_sum(collaboration)}
    return to_proto(pb.Collaboration, values)


def _need_without_sum(collaboration: Collaboration) -> ContractNeed | None:
    """A creator knows what the brand promised it; a sum over campaigns is the brand's to tell."""
    need = collaboration.contract_need
    return replace(need, counted=None) if need else None


def _parties(collaboration: Collaboration, caller: Caller) -> list[Party]:
    if caller.is_operator:
        return [Party.OPERATOR]
    sides = (
        (Party.BRAND, caller.acts_for_brand(collaboration.brand)),
        (Party.CREATOR, caller.acts_for_creator(collaboration.creator)),
    )
    return [party for party, acts in sides if acts and not caller.is_service]


def row_message(row: int, result: RowResult) -> pb.ApplicationResult:
    """What came of one row of a bulk."""
    message = to_proto(pb.ApplicationResult, vars(result) | {"row": row})
    if result.refusal is not None:
        message.error.CopyFrom(to_status(result.refusal))
    return message


def watch_message(shown: Shown, caller: Caller) -> pb.WatchCampaignResponse:
    """What a stream shows."""
    message = pb.WatchCampaignResponse(resume_token=shown.token)
    if shown.campaign is not None:
        message.campaign.CopyFrom(campaign_message(shown.campaign, caller))
    elif shown.collaboration is not None:
        message.collaboration.CopyFrom(collaboration_message(shown.collaboration, caller))
    else:
        message.caught_up = True
    return message


def payable_message(outcome: Outcome[Collaboration]) -> pb.Payable:
    """What is owed for a collaboration."""
    return to_proto(pb.Payable, outcome.state.payable)


def result_messages(results: Sequence[Result], caller: Caller) -> list[pb.CollaborationResult]:
    """What came of each of several."""
    return [_result_message(creator, result, caller) for creator, result in results]


def _result_message(creator: str, result: Outcome[Collaboration] | Refusal, caller: Caller) -> pb.CollaborationResult:
    if isinstance(result, Refusal):
        return pb.CollaborationResult(creator=creator, error=to_status(result))
    return pb.CollaborationResult(creator=creator, collaboration=collaboration_message(result, caller))


# -- from messages ----------------------------------------------------------------------------------------------------


def proposal(request: pb.ApplyToCampaignRequest | pb.Invitation) -> Proposal:
    """What a creator applies with, or is invited with."""
    return from_proto(Proposal, request)


def bulk(request: pb.AnswerApplicationsRequest) -> Bulk:
    """The answer that many applications are given."""
    return from_proto(Bulk, request)


def platform(number: type_pb2.Platform.ValueType) -> Platform | None:
    """A platform, or None when it is not said."""
    return Platform(type_pb2.Platform.Name(number).removeprefix("PLATFORM_")) if number else None


def decline_reasons(numbers: Sequence[pb.DeclineReason.ValueType]) -> list[DeclineReason]:
    """Why something is declined."""
    return [DeclineReason(pb.DeclineReason.Name(number).removeprefix("DECLINE_REASON_")) for number in numbers]


def campaign_states(numbers: Sequence[pb.CampaignState.ValueType]) -> list[CampaignState]:
    """States of campaigns."""
    return [CampaignState(pb.CampaignState.Name(number).removeprefix("CAMPAIGN_STATE_")) for number in numbers]


def collaboration_states(numbers: Sequence[pb.CollaborationState.ValueType]) -> list[State]:
    """States of collaborations."""
    return [State(pb.CollaborationState.Name(number).removeprefix("COLLABORATION_STATE_")) for number in numbers]


def moment(message: Message, field: str) -> datetime | None:
    """A time of a message, or None when it is not set."""
    if not message.HasField(field):
        return None
    time: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return time


def money(message: Message, field: str) -> Money | None:
    """An amount of a message, or None when it is not set."""
    return from_proto(Money, getattr(message, field)) if message.HasField(field) else None


def dispute_outcome(number: pb.DisputeOutcome.ValueType) -> DisputeOutcome:
    """What an operator decides."""
    return DisputeOutcome(pb.DisputeOutcome.Name(number).removeprefix("DISPUTE_OUTCOME_"))
