"""Many applications at once, disputes, lists by filter, and bad input, through gRPC on documents in memory."""

from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from entente.campaign.v1 import service_pb2 as pb
from entente.ops.v1 import ops_pb2
from entente.ops.v1.ops_pb2_grpc import OperationServiceStub
from entente.type.v1 import type_pb2
from entente_chassis.rpc import Role
from services.campaign.tests.unit.suite import BRAND, Suite, refused


async def answered(suite: Suite, **fields: Any) -> Sequence[pb.ApplicationResult]:
    operation = await suite.brand().AnswerApplications(pb.AnswerApplicationsRequest(**fields))
    await suite.work()
    stub = suite.server.client_as(OperationServiceStub, Role.BRAND, brands=[BRAND])
    done = await stub.GetOperation(ops_pb2.GetOperationRequest(name=operation.name))
    response = pb.AnswerApplicationsResponse()
    assert done.response.Unpack(response), done
    return response.results


async def test_a_bulk_with_bad_rows_names_them_and_the_good_ones_go_through(suite: Suite) -> None:
    campaign = await suite.open(places=30)
    ids = [f"c{number}" for number in range(25)]
    await suite.apply(campaign, *ids)
    rows = [f"creators/{id}" for id in ids]
    rows[3:3] = ["nobody", "creators/stranger", "creators/c0"]
    results = await answered(
        suite, campaign=campaign.name, creators=rows, answer=pb.APPLICATION_ANSWER_PRESELECT, request_id="once"
    )
    assert [result.row for result in results] == list(range(1, 29))
    assert [result.row for result in results if result.HasField("error")] == [4, 5, 6]
    assert {result.state for result in results if not result.HasField("error")} == {pb.COLLABORATION_STATE_PRESELECTED}
    again = await answered(
        suite, campaign=campaign.name, creators=rows, answer=pb.APPLICATION_ANSWER_PRESELECT, request_id="once"
    )
    assert list(again) == list(results)


async def test_a_rule_declines_who_does_not_fit_with_the_reasons_of_the_score(suite: Suite) -> None:
    campaign = await suite.open()
    suite.scorer.weak = {"creators/bea"}
    ana, bea = await suite.apply(campaign, "ana", "bea")
    rule = {"campaign": campaign.name, "filter": "fit < 60", "answer": pb.APPLICATION_ANSWER_DECLINE}
    (foreseen,) = await answered(suite, **rule, validate_only=True)
    assert (foreseen.creator, foreseen.state) == ("creators/bea", pb.COLLABORATION_STATE_DECLINED)
    assert (await suite.collaboration(bea)).state == pb.COLLABORATION_STATE_APPLIED
    (declined,) = await answered(suite, **rule)
    assert list(declined.reasons) == [pb.DECLINE_REASON_AUDIENCE, pb.DECLINE_REASON_ENGAGEMENT]
    assert "12 % of the audience live in FR" in (await suite.collaboration(bea)).history[-1].reason
    assert (await suite.collaboration(ana)).state == pb.COLLABORATION_STATE_APPLIED
    assert not await answered(suite, **rule)


async def test_bulk_acceptances_stop_at_the_last_place_and_say_so(suite: Suite) -> None:
    campaign = await suite.open(places=2)
    await suite.apply(campaign, "ana", "bea", "cleo")
    rows = ["creators/cleo", "creators/ana", "creators/bea"]
    results = await answered(suite, campaign=campaign.name, creators=rows, answer=pb.APPLICATION_ANSWER_ACCEPT)
    assert [result.HasField("error") for result in results] == [False, False, True]
    assert "All 2 places are taken" in results[2].error.message


@pytest.mark.parametrize("fields", [{}, {"creators": ["creators/a"], "filter": "fit < 60"}])
async def test_a_bulk_without_whom_or_with_two_of_them_is_refused(suite: Suite, fields: dict[str, Any]) -> None:
    request = pb.AnswerApplicationsRequest(campaign="campaigns/c", answer=pb.APPLICATION_ANSWER_PRESELECT, **fields)
    code, _ = await refused(suite.brand().AnswerApplications(request))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_lists_take_filters_and_an_order_and_name_all_that_is_wrong_with_them(suite: Suite) -> None:
    campaign = await suite.open()
    suite.scorer.weak = {"creators/bea"}
    ana, bea = await suite.apply(campaign, "ana", "bea")

    async def names(filter: str, order: str = "") -> list[str]:
        request = pb.ListCollaborationsRequest(parent=campaign.name, filter=filter, order_by=order)
        return [each.name for each in (await suite.brand().ListCollaborations(request)).collaborations]

    assert await names("state = APPLIED AND platform = INSTAGRAM") == [ana, bea]
    assert await names("fit >= 60") == [ana]
    assert await names("state = OVERDUE OR fit < 60") == [bea]
    assert await names("", "fit") == [bea, ana]
    request = pb.ListCollaborationsRequest(parent=campaign.name, filter="stat = X AND fit < many")
    _, refusal = await refused(suite.brand().ListCollaborations(request))
    assert len(refusal.violations) == 2
    draft = await suite.draft(title="Aube")
    asked = pb.ListCampaignsRequest(filter="state = DRAFT", order_by="create_time desc")
    assert [each.name for each in (await suite.brand().ListCampaigns(asked)).campaigns] == [draft.name]
    assert not (await suite.creator("bea").ListCampaigns(asked)).campaigns
    # A filter narrows what the caller has a side in, and never widens it.
    other = pb.ListCollaborationsRequest(parent=campaign.name, filter="creator = creators/ana")
    assert not (await suite.creator("bea").ListCollaborations(other)).collaborations


async def test_what_comes_out_of_order_names_the_state_and_what_is_allowed_now(suite: Suite) -> None:
    campaign = await suite.open()
    (ana,) = await suite.apply(campaign, "ana")
    code, refusal = await refused(suite.brand().ShipParcel(pb.ShipParcelRequest(name=ana, carrier="C")))
    assert (code, refusal.metadata["state"]) == (grpc.StatusCode.FAILED_PRECONDITION, "APPLIED")
    assert "AcceptApplication" in refusal.metadata["allowed"].split(",")
    assert "WithdrawCollaboration" not in refusal.metadata["allowed"]
    code, refusal = await refused(
        suite.creator().RespondToInvitation(pb.RespondToInvitationRequest(name=ana, answer=pb.INVITATION_ANSWER_ACCEPT))
    )
    assert (code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "OTHER_SIDE")
    assert refusal.metadata["allowed"] == "WithdrawCollaboration"
    seen = await suite.collaboration(ana)
    assert list(seen.allowed_commands) == [
        "PreselectApplication",
        "WaitlistApplication",
        "AcceptApplication",
        "DeclineApplication",
    ]


async def test_a_stale_etag_is_refused_and_tells_a_stranger_nothing(suite: Suite) -> None:
    campaign = await suite.open()
    (ana,) = await suite.apply(campaign, "ana")
    stale = pb.PreselectApplicationRequest(name=ana, etag="v99")
    code, refusal = await refused(suite.brand().PreselectApplication(stale))
    assert (code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    code, _ = await refused(suite.brand("brands/other").PreselectApplication(stale))
    assert code is grpc.StatusCode.NOT_FOUND


async def test_a_dispute_stops_the_clocks_and_the_operators_decision_says_who_gets_what(suite: Suite) -> None:
    money = type_pb2.Money
    campaign = await suite.open(
        mechanic=type_pb2.MECHANIC_SPONSORED_POST,
        compensation=pb.Compensation(
            model=type_pb2.COMPENSATION_MODEL_FIXED_FEE, fee=money(currency_code="EUR", minor_units=4000)
        ),
    )
    (ana,) = await suite.apply(campaign, "ana")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    opened = await suite.creator().OpenDispute(pb.OpenDisputeRequest(name=ana, reason="The brief was changed"))
    assert opened.dispute.opened_by == pb.PARTY_CREATOR
    decision = pb.ResolveDisputeRequest(name=ana, outcome=pb.DISPUTE_OUTCOME_SETTLE, reason="half was done")
    code, _ = await refused(suite.brand().ResolveDispute(decision))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    for amount in (None, 4001):
        if amount is not None:
            decision.creator_amount.CopyFrom(money(currency_code="EUR", minor_units=amount))
        code, refusal = await refused(suite.operator().ResolveDispute(decision))
        assert (code, refusal.violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "creator_amount")
    decision.creator_amount.minor_units = 1500
    settled = await suite.operator().ResolveDispute(decision)
    assert settled.state == pb.COLLABORATION_STATE_COMPLETED
    assert (settled.payable.amount.minor_units, settled.cost.minor_units) == (1500, 1500)
    assert settled.dispute.resolution.resolver == "accounts/op"
    assert [step.party for step in settled.history[-2:]] == [pb.PARTY_CREATOR, pb.PARTY_OPERATOR]
