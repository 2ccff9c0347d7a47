"""Agencies, contracts, parcels in bulk, money and the look back, through gRPC."""

import csv
import io
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.campaign.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as pb
from entente.campaign.v1.service_pb2_grpc import CampaignServiceStub
from entente.messaging.v1 import events_pb2 as messaging_events
from entente.review.v1 import events_pb2 as review_events
from entente.type.v1 import type_pb2
from entente_campaign.agreements_reference import page
from entente_campaign.domain import cancelling
from entente_campaign.domain.collaborations import CANCELLABLE, ENDED_EARLY, State
from entente_campaign.domain.meter import register_hints
from entente_chassis.rpc import Role
from services.campaign.tests.unit.suite import BRAND, DAY, NOW, Suite, refused, stamp

FR_IBAN, DE_IBAN = "FR7630006000011234567890189", "DE89370400440532013000"


def euros(minor_units: int) -> type_pb2.Money:
    return type_pb2.Money(currency_code="EUR", minor_units=minor_units)


def paid(fee: int, gift: int = 0, **values: Any) -> dict[str, Any]:
    """What makes a campaign a paid one."""
    pay = pb.Compensation(model=type_pb2.COMPENSATION_MODEL_FIXED_FEE, fee=euros(fee))
    if gift:
        pay.gift_value.CopyFrom(euros(gift))
    return {
        "mechanic": type_pb2.MECHANIC_SPONSORED_POST,
        "compensation": pay,
        "budget": euros(1_000_000),
        **values,
    }


def agency(suite: Suite, *brands: str) -> CampaignServiceStub:
    return suite.server.client_as(CampaignServiceStub, Role.AGENCY, subject="agencies/nova", brands=brands or (BRAND,))


async def accept(suite: Suite, name: str) -> pb.Collaboration:
    return await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=name))


async def publish(suite: Suite, name: str, percent: int = 100) -> pb.Collaboration:
    ref = review_events.SubmissionRef(collaboration=name, deliverable="reel-1", version=1)
    await suite.hear(review_events.SubmissionReceived(ref=ref), n=1)
    await suite.hear(review_events.SubmissionApproved(ref=ref, compliance_percent=percent), n=2)
    id = name.rpartition("/")[2]
    published = await suite.creator(id).ReportPublication(
        pb.ReportPublicationRequest(name=name, url=f"https://instagram.com/p/{id}")
    )
    await suite.hear(events_pb2.PayableCreated(ref=events_pb2.CollaborationRef(collaboration=name)))
    return published


def clauses(**values: Any) -> pb.ContractClauses:
    given: dict[str, Any] = {
        "language": "fr",
        "start_time": stamp(NOW + DAY),
        "end_time": stamp(NOW + 90 * DAY),
        "usage_rights": [pb.UsageRight(media="réseaux sociaux de la marque", territories=["FR"], duration_days=180)],
        "confidentiality_days": 365,
        "dispute_forum": pb.DISPUTE_FORUM_MEDIATION,
        "governing_law": "FR",
    }
    return pb.ContractClauses(**(given | values))


# -- agencies ---------------------------------------------------------------------------------------------------------


async def test_an_agency_acts_for_a_brand_from_its_grant_until_it_is_taken_back_and_lets_no_other_in(
    suite: Suite,
) -> None:
    campaign = await suite.draft()
    look = pb.GetCampaignRequest(name=campaign.name)
    assert (await refused(agency(suite).GetCampaign(look)))[0] is grpc.StatusCode.NOT_FOUND
    granted = await suite.brand().GrantAgency(pb.GrantAgencyRequest(name=BRAND, agency="agencies/nova"))
    assert [each.agency for each in granted.agencies] == ["agencies/nova"]
    assert (await agency(suite).GetCampaign(look)).name == campaign.name
    assert len((await agency(suite).ListCampaigns(pb.ListCampaignsRequest())).campaigns) == 1

    code, refusal = await refused(agency(suite).GrantAgency(pb.GrantAgencyRequest(name=BRAND, agency="agencies/other")))
    assert (code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "BRAND_ONLY")
    another = agency(suite, "brands/soleil")
    assert (await refused(another.GetCampaign(look)))[0] is grpc.StatusCode.NOT_FOUND
    shown = await suite.creator().GetBrand(pb.GetBrandRequest(name=BRAND))
    assert not shown.agencies, "creators do not see who acts for a brand"

    await suite.brand().RevokeAgency(pb.RevokeAgencyRequest(name=BRAND, agency="agencies/nova"))
    assert (await refused(agency(suite).GetCampaign(look)))[0] is grpc.StatusCode.NOT_FOUND
    pause = pb.PauseCampaignRequest(name=campaign.name)
    assert (await refused(agency(suite).PauseCampaign(pause)))[0] is grpc.StatusCode.NOT_FOUND
    assert not (await agency(suite).ListCampaigns(pb.ListCampaignsRequest())).campaigns


# -- campaigns --------------------------------------------------------------------------------------------------------


async def test_after_publication_pinned_fields_are_named_and_past_dates_and_negative_money_refused(
    suite: Suite,
) -> None:
    campaign = await suite.open()
    changed = pb.Campaign(name=campaign.name, markets=["IT"], title="Autre")
    _, refusal = await refused(suite.brand().UpdateCampaign(pb.UpdateCampaignRequest(campaign=changed)))
    assert (refusal.reason, [v.field for v in refusal.violations]) == ("CAMPAIGN_PUBLISHED", ["markets"])
    changed = pb.Campaign(name=campaign.name, end_time=stamp(NOW - DAY))
    _, refusal = await refused(suite.brand().UpdateCampaign(pb.UpdateCampaignRequest(campaign=changed)))
    assert ("end_time", "PAST") in [(v.field, v.reason) for v in refusal.violations]
    changed = pb.Campaign(name=campaign.name, budget=euros(-1))
    code, _ = await refused(suite.brand().UpdateCampaign(pb.UpdateCampaignRequest(campaign=changed)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    changed = pb.Campaign(name=campaign.name, etag="stale", title="Autre")
    code, _ = await refused(suite.brand().UpdateCampaign(pb.UpdateCampaignRequest(campaign=changed)))
    assert code is grpc.StatusCode.ABORTED


async def test_a_clone_is_a_draft_whose_dates_moved_together_and_an_ended_campaign_is_put_away(suite: Suite) -> None:
    campaign = await suite.open()
    clone = await suite.brand().CloneCampaign(
        pb.CloneCampaignRequest(name=campaign.name, title="Rituel, suite", start_time=stamp(NOW + 31 * DAY))
    )
    assert (clone.state, clone.title, clone.cloned_from) == (pb.CAMPAIGN_STATE_DRAFT, "Rituel, suite", campaign.name)
    assert clone.end_time.seconds - campaign.end_time.seconds == 30 * 86_400
    assert clone.brief == campaign.brief
    assert (await suite.brand().PublishCampaign(pb.PublishCampaignRequest(name=clone.name))).state
    archive = pb.ArchiveCampaignRequest(name=campaign.name)
    assert (await refused(suite.brand().ArchiveCampaign(archive)))[1].reason == "CAMPAIGN_STEP_NOT_ALLOWED"
    await suite.brand().CompleteCampaign(pb.CompleteCampaignRequest(name=campaign.name))
    await suite.brand().ArchiveCampaign(archive)
    listed = await suite.brand().ListCampaigns(pb.ListCampaignsRequest(brand=BRAND))
    assert [each.name for each in listed.campaigns] == [clone.name]
    away = pb.ListCampaignsRequest(brand=BRAND, states=[pb.CAMPAIGN_STATE_ARCHIVED])
    assert [each.name for each in (await suite.brand().ListCampaigns(away)).campaigns] == [campaign.name]


async def test_a_cancelled_campaign_takes_along_what_is_not_approved_and_lets_the_rest_go_on(suite: Suite) -> None:
    campaign = await suite.open(**paid(10_000))
    ana, bea, cleo = await suite.apply(campaign, "ana", "bea", "cleo")
    for name in (ana, bea):
        await accept(suite, name)
    ref = review_events.SubmissionRef(collaboration=ana, deliverable="reel-1", version=1)
    await suite.hear(review_events.SubmissionReceived(ref=ref), n=1)
    await suite.hear(review_events.SubmissionApproved(ref=ref, compliance_percent=100), n=2)
    await suite.brand().CancelCampaign(pb.CancelCampaignRequest(name=campaign.name, reason="rappel du produit"))
    for _ in range(2):
        await suite.hear(events_pb2.CampaignCancelled(campaign=campaign.name, reason="rappel du produit"))
    states = [(await suite.collaboration(name)).state for name in (ana, bea, cleo)]
    assert states == [
        pb.COLLABORATION_STATE_APPROVED,
        pb.COLLABORATION_STATE_CANCELLED,
        pb.COLLABORATION_STATE_CANCELLED,
    ]
    post = pb.ReportPublicationRequest(name=ana, url="https://x.example/p")
    assert (await suite.creator().ReportPublication(post)).HasField("payable")


async def test_an_invitation_offers_kinds_of_collaboration_of_which_one_is_chosen_and_reserved(suite: Suite) -> None:
    campaign = await suite.open(**paid(10_000, budget=euros(60_000)))
    options = [
        pb.CollaborationOption(
            id=id, title=id, compensation=pb.Compensation(model=type_pb2.COMPENSATION_MODEL_FIXED_FEE, fee=euros(fee))
        )
        for id, fee in (("post", 10_000), ("film", 50_000))
    ]
    invitation = pb.Invitation(
        creator="creators/ana", options=options, reference="https://x.example/42", contact="Léa, cheffe de produit"
    )
    wrong = pb.Invitation(creator="creators/bea", options=[options[0], options[0]])
    wrong.options[1].compensation.fee.currency_code = "USD"
    response = await suite.brand().InviteCreators(
        pb.InviteCreatorsRequest(campaign=campaign.name, invitations=[invitation, wrong])
    )
    assert response.results[1].error.message.startswith("The options cannot be offered")
    name = response.results[0].collaboration.name
    answer = pb.RespondToInvitationRequest(name=name, answer=pb.INVITATION_ANSWER_ACCEPT)
    assert (await refused(suite.creator().RespondToInvitation(answer)))[1].reason == "OPTION_REQUIRED"
    answer.option = "film"
    accepted = await suite.creator().RespondToInvitation(answer)
    assert (accepted.option, accepted.terms.fee.minor_units) == ("film", 50_000)
    assert (accepted.reference, accepted.contact) == ("https://x.example/42", "Léa, cheffe de produit")
    assert (await suite.campaign(campaign.name)).budget_summary.committed.minor_units == 50_000


# -- contracts --------------------------------------------------------------------------------------------------------


async def test_a_contract_is_negotiated_by_versions_accepted_by_the_other_side_and_then_frozen(suite: Suite) -> None:
    campaign = await suite.open(**paid(60_000, contract_required=True, budget=euros(70_000)))
    (ana,) = await suite.apply(campaign, "ana")
    accepted = await accept(suite, ana)
    assert accepted.state == pb.COLLABORATION_STATE_CONTRACT_PENDING
    assert (accepted.contract_need.required, list(accepted.contract_need.reasons)) == (True, ["BRAND"])
    ref = review_events.SubmissionRef(collaboration=ana, deliverable="reel-1", version=1)
    with pytest.raises(Exception, match="CONTRACT_REQUIRED"):
        await suite.hear(review_events.SubmissionReceived(ref=ref), n=1)

    early = pb.OfferContractRequest(collaboration=ana, clauses=clauses())
    assert (await refused(suite.creator().OfferContract(early)))[1].reason == "FIRST_OFFER_BY_BRAND"
    bad = clauses(end_time=stamp(NOW - DAY), non_compete_days=30, governing_law="")
    bad.fee.CopyFrom(type_pb2.Money(currency_code="USD", minor_units=1))
    _, refusal = await refused(suite.brand().OfferContract(pb.OfferContractRequest(collaboration=ana, clauses=bad)))
    assert {v.field for v in refusal.violations} == {
        "clauses.fee.currency_code",
        "clauses.end_time",
        "clauses.competitors",
        "clauses.governing_law",
    }

    first = await suite.brand().OfferContract(early)
    own = pb.AcceptContractRequest(collaboration=ana, version=1, sha256=first.versions[0].sha256)
    assert (await refused(suite.brand().AcceptContract(own)))[1].reason == "OTHER_SIDE"
    counter = clauses(fee=euros(65_000), travel_costs=euros(5_000), payment_days=15)
    offered = await suite.creator().OfferContract(pb.OfferContractRequest(collaboration=ana, clauses=counter))
    last = offered.versions[-1]
    assert (last.version, last.offered_by) == (2, pb.PARTY_CREATOR)
    assert (await refused(suite.creator().AcceptContract(own)))[1].reason == "CONTRACT_CHANGED"
    text = await suite.brand().GetContractText(pb.GetContractTextRequest(collaboration=ana))
    english = await suite.brand().GetContractText(pb.GetContractTextRequest(collaboration=ana, language="en"))
    assert (text.binding, english.binding, text.sha256) == (True, False, last.sha256)
    assert "650.00 EUR" in text.text
    assert "Travel costs: 50.00 EUR" in english.text

    done = await suite.brand().AcceptContract(
        pb.AcceptContractRequest(collaboration=ana, version=2, sha256=last.sha256)
    )
    assert done.state == pb.CONTRACT_STATE_ACCEPTED
    now = await suite.collaboration(ana)
    assert (now.state, now.contract_version, now.contract_sha256) == (
        pb.COLLABORATION_STATE_CONTENT_DUE,
        2,
        last.sha256,
    )
    assert (now.terms.fee.minor_units, now.terms.payment_days) == (65_000, 15)
    assert (await suite.campaign(campaign.name)).budget_summary.committed.minor_units == 70_000
    again = pb.OfferContractRequest(collaboration=ana, clauses=clauses())
    assert (await refused(suite.brand().OfferContract(again)))[1].reason == "CONTRACT_ACCEPTED"
    stranger = suite.brand("brands/soleil")
    hidden = pb.GetContractRequest(collaboration=ana)
    assert (await refused(stranger.GetContract(hidden)))[0] is grpc.StatusCode.NOT_FOUND
    published = await publish(suite, ana)
    assert published.payable.amount.minor_units == 70_000
    assert published.payable.due_time.seconds - published.publish_time.seconds == 15 * 86_400


async def test_a_contract_for_more_than_the_budget_is_not_accepted(suite: Suite) -> None:
    campaign = await suite.open(**paid(60_000, contract_required=True, budget=euros(60_000)))
    (ana,) = await suite.apply(campaign, "ana")
    await accept(suite, ana)
    contract = await suite.brand().OfferContract(
        pb.OfferContractRequest(collaboration=ana, clauses=clauses(fee=euros(60_001)))
    )
    yes = pb.AcceptContractRequest(collaboration=ana, version=1, sha256=contract.versions[0].sha256)
    assert (await refused(suite.creator().AcceptContract(yes)))[1].reason == "BUDGET_EXCEEDED"
    assert (await suite.campaign(campaign.name)).budget_summary.committed.minor_units == 60_000


async def test_the_french_meter_counts_fees_and_gifts_over_campaigns_of_one_year_and_objective(suite: Suite) -> None:
    first = await suite.open(**paid(50_000, gift=10_000))
    second = await suite.open(**paid(40_000))
    elsewhere = await suite.open(**paid(90_000, markets=["IT"]))
    other = await suite.open(
        **paid(
            90_000,
            objective=pb.Objective(
                metric=type_pb2.OBJECTIVE_METRIC_REVENUE, target=1, deadline_time=stamp(NOW + 60 * DAY)
            ),
        )
    )
    names = [(await suite.apply(each, "ana"))[0] for each in (first, elsewhere, other, second)]
    done = [await accept(suite, name) for name in names]
    assert [each.contract_need.required for each in done] == [False, False, False, True]
    need = done[-1].contract_need
    assert (list(need.reasons), need.counted.minor_units, need.year) == (["FR_1000_EUR"], 100_000, 2026)
    ship = pb.ShipParcelRequest(name=names[-1], carrier="Colissimo")
    code, refusal = await refused(suite.brand().ShipParcel(ship))
    assert (code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONTRACT_REQUIRED")
    assert refusal.metadata["counted"] == "100000"
    assert "OfferContract" in refusal.message
    seen = await suite.creator().GetCollaboration(pb.GetCollaborationRequest(name=names[-1]))
    assert seen.contract_need.required
    assert not seen.contract_need.HasField("counted"), "the sum over campaigns is the brand's to tell"

    (bea,) = await suite.apply(second, "bea")
    assert not (await accept(suite, bea)).contract_need.required, "another creator has a meter of its own"


async def test_who_leaves_is_no_longer_counted_and_a_second_parcel_is(suite: Suite) -> None:
    first, second, third = [await suite.open(**paid(1, gift=60_000)) for _ in range(3)]
    ana = [(await suite.apply(each, "ana"))[0] for each in (first, second, third)]
    await accept(suite, ana[0])
    await suite.creator().WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=ana[0]))
    left = events_pb2.CollaborationWithdrawn(
        ref=events_pb2.CollaborationRef(collaboration=ana[0], campaign=first.name), was_accepted=True
    )
    await suite.hear(left)
    assert (await accept(suite, ana[1])).state == pb.COLLABORATION_STATE_SHIPMENT_PENDING
    parcel = pb.ShipParcelRequest(name=ana[1], carrier="Colissimo")
    await suite.brand().ShipParcel(parcel)
    await suite.creator().ReportLoss(pb.ReportLossRequest(name=ana[1], reason="never came"))
    _, refusal = await refused(suite.brand().ShipParcel(parcel))
    assert (refusal.reason, refusal.metadata["counted"]) == ("CONTRACT_REQUIRED", "120001")
    contract = await suite.brand().OfferContract(pb.OfferContractRequest(collaboration=ana[1], clauses=clauses()))
    await suite.creator().AcceptContract(
        pb.AcceptContractRequest(collaboration=ana[1], version=1, sha256=contract.versions[0].sha256)
    )
    sent = await suite.brand().ShipParcel(parcel)
    assert (sent.parcels_sent, sent.cost.minor_units) == (2, 120_001)
    assert (await suite.campaign(second.name)).budget_summary.committed.minor_units == 120_001


def test_the_italian_register_is_hinted_at_from_its_thresholds_on() -> None:
    assert register_hints(("IT",), 500_000, None) == ("IT_AGCOM",)
    assert register_hints(("IT",), 1_000, 1_000_000) == ("IT_AGCOM",)
    assert register_hints(("IT",), 499_999, 999_999) == ()
    assert register_hints(("FR",), 900_000, None) == ()


# -- parcels ----------------------------------------------------------------------------------------------------------


async def test_a_file_of_parcels_names_bad_rows_by_line_and_column_and_sends_the_good_ones_once(suite: Suite) -> None:
    campaign = await suite.open()
    for name in await suite.apply(campaign, "ana", "bea"):
        await accept(suite, name)
    await suite.apply(campaign, "cleo")
    text = (
        "creator;carrier;tracking_number;tracking_url\n"
        "creators/ana;Colissimo;6A1;https://suivi.example/6A1\n"
        "creators/nobody;DPD;;\n"
        "cleo;DPD;;\n"
        "creators/Bea;;;ftp://x\n"
        "bea;Chronopost;XP2;\n"
    )
    request = pb.ShipParcelsRequest(campaign=campaign.name, csv=text, request_id="r1")
    for _ in range(2):
        response = await suite.brand().ShipParcels(request)
        bad = {result.row: [(e.column, e.reason) for e in result.errors] for result in response.results}
        assert bad == {
            2: [],
            3: [("creator", "NOT_FOUND")],
            4: [("creator", "COLLABORATION_STEP_NOT_ALLOWED")],
            5: [("creator", "CREATOR_INVALID"), ("carrier", "REQUIRED"), ("tracking_url", "URL_INVALID")],
            6: [],
        }
        assert (response.sent, response.refused) == (2, 3)
    assert (await suite.collaboration(f"{campaign.name}/collaborations/bea")).parcels_sent == 1
    headless = pb.ShipParcelsRequest(campaign=campaign.name, csv="who,carrier\nana,DPD\n")
    assert (await refused(suite.brand().ShipParcels(headless)))[1].reason == "CSV_INVALID"
    assert (await refused(suite.brand("brands/soleil").ShipParcels(request)))[0] is grpc.StatusCode.NOT_FOUND


# -- money ------------------------------------------------------------------------------------------------------------


async def owing(suite: Suite, *ids: str, **values: Any) -> pb.Campaign:
    campaign = await suite.open(**paid(20_000, **values))
    for name in await suite.apply(campaign, *ids):
        await accept(suite, name)
        await publish(suite, name)
    return campaign


async def test_a_payable_is_in_one_export_and_the_same_request_makes_the_same_file(suite: Suite) -> None:
    campaign = await owing(suite, "ana", "bea")
    request = pb.CreatePayableExportRequest(parent=BRAND, request_id="monday")
    export = await suite.brand().CreatePayableExport(request)
    assert await suite.brand().CreatePayableExport(request) == export
    assert (len(export.lines), export.total.minor_units) == (2, 40_000)
    other = pb.CreatePayableExportRequest(parent=BRAND)
    assert (await refused(suite.brand().CreatePayableExport(other)))[1].reason == "NOTHING_TO_EXPORT"
    as_csv = pb.GetPayableExportFileRequest(name=export.name, format=pb.PAYABLE_FILE_FORMAT_CSV)
    file = await suite.brand().GetPayableExportFile(as_csv)
    assert await suite.brand().GetPayableExportFile(as_csv) == file
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [(row["creator"], row["amount_minor_units"]) for row in rows] == [
        ("creators/ana", "20000"),
        ("creators/bea", "20000"),
    ]

    void = pb.VoidPayableExportRequest(name=export.name, reason="wrong day")
    await suite.brand().VoidPayableExport(void)
    second = await suite.brand().CreatePayableExport(pb.CreatePayableExportRequest(parent=BRAND))
    assert second.total.minor_units == 40_000
    done = await suite.brand().MarkPayableExportPaid(pb.MarkPayableExportPaidRequest(name=second.name))
    assert done.state == pb.PAYABLE_EXPORT_STATE_PAID
    for id in ("ana", "bea"):
        ref = events_pb2.CollaborationRef(collaboration=f"{campaign.name}/collaborations/{id}")
        for _ in range(2):
            await suite.hear(events_pb2.PayablePaid(ref=ref))
    money = (await suite.campaign(campaign.name)).budget_summary
    assert (money.committed.minor_units, money.spent.minor_units) == (0, 40_000)
    void.name = second.name
    assert (await refused(suite.brand().VoidPayableExport(void)))[1].reason == "EXPORT_STEP_NOT_ALLOWED"
    stranger = suite.brand("brands/soleil")
    assert (await refused(stranger.GetPayableExportFile(as_csv)))[0] is grpc.StatusCode.NOT_FOUND


async def test_what_is_disputed_or_paid_is_not_exported_or_settled_anew(suite: Suite) -> None:
    campaign = await owing(suite, "ana")
    name = f"{campaign.name}/collaborations/ana"
    await suite.creator().OpenDispute(pb.OpenDisputeRequest(name=name, reason="deleted by the platform"))
    make = pb.CreatePayableExportRequest(parent=BRAND)
    assert (await refused(suite.brand().CreatePayableExport(make)))[1].reason == "NOTHING_TO_EXPORT"
    resume = pb.ResolveDisputeRequest(name=name, outcome=pb.DISPUTE_OUTCOME_RESUME, reason="it is back")
    await suite.operator().ResolveDispute(resume)
    export = await suite.brand().CreatePayableExport(make)
    await suite.creator().OpenDispute(pb.OpenDisputeRequest(name=name, reason="again"))
    settle = pb.ResolveDisputeRequest(
        name=name, outcome=pb.DISPUTE_OUTCOME_SETTLE, reason="half", creator_amount=euros(10_000)
    )
    assert (await refused(suite.operator().ResolveDispute(settle)))[1].reason == "PAYABLE_EXPORTED"
    await suite.brand().MarkPayableExportPaid(pb.MarkPayableExportPaidRequest(name=export.name))
    assert (await refused(suite.operator().ResolveDispute(settle)))[1].reason == "PAYABLE_PAID"


async def test_a_sepa_file_is_valid_always_the_same_and_gone_when_an_account_was_erased(suite: Suite) -> None:
    wrong = pb.SetBankAccountRequest(owner="creators/ana", holder_name="Ana Éluard", iban=FR_IBAN[:-1] + "0")
    assert (await refused(suite.creator().SetBankAccount(wrong)))[1].reason == "IBAN_INVALID"
    right = pb.SetBankAccountRequest(owner="creators/ana", holder_name="Ana Éluard & Cie", iban=FR_IBAN)
    kept = await suite.creator().SetBankAccount(right)
    assert (kept.iban_ending, kept.revision) == (FR_IBAN[-4:], 1)
    look = pb.GetBankAccountRequest(owner="creators/ana")
    assert (await refused(suite.brand().GetBankAccount(look)))[0] is grpc.StatusCode.NOT_FOUND
    payer = pb.SetBankAccountRequest(owner=BRAND, holder_name="Maison Lune", iban=DE_IBAN, bic="COBADEFFXXX")
    await suite.brand().SetBankAccount(payer)
    campaign = await owing(suite, "ana")
    export = await suite.brand().CreatePayableExport(pb.CreatePayableExportRequest(parent=BRAND))
    request = pb.GetPayableExportFileRequest(name=export.name, format=pb.PAYABLE_FILE_FORMAT_SEPA)
    file = await suite.brand().GetPayableExportFile(request)
    text = file.content.decode()
    assert "pain.001.001.09" in text
    assert FR_IBAN in text
    assert "200.00" in text
    assert "Ana Eluard" in text
    right.iban = "GB82WEST12345698765432"
    await suite.creator().SetBankAccount(right)
    assert await suite.brand().GetPayableExportFile(request) == file, "an export pays to the account of its day"

    for name in (campaign.name, f"{campaign.name}/collaborations/ana"):
        aggregates = suite.stores.collaborations if "/collab" in name else suite.stores.campaigns
        raw = await aggregates.documents.load(name)
        assert FR_IBAN not in str(raw)
    for _ in range(2):
        await suite.hear(messaging_events.PersonErased(person="creators/ana"))
    await suite.brand().DeleteBankAccount(pb.DeleteBankAccountRequest(owner=BRAND))
    _, refusal = await refused(suite.brand().GetPayableExportFile(request))
    assert (refusal.reason, [v.field for v in refusal.violations]) == (
        "BANK_ACCOUNT_MISSING",
        ["brand", "lines[0].creator"],
    )
    raw = await suite.stores.bank_accounts.documents.load("creators/ana/bankAccount")
    assert FR_IBAN not in str(raw)


# -- the end ----------------------------------------------------------------------------------------------------------


async def test_the_review_says_where_the_money_went_whom_to_ask_again_and_what_to_change(suite: Suite) -> None:
    campaign = await owing(suite, "ana", "bea", places=5)
    for id, stars, again in (("ana", 5, None), ("bea", 3, False)):
        name = f"{campaign.name}/collaborations/{id}"
        await suite.brand().CompleteCollaboration(pb.CompleteCollaborationRequest(name=name))
        ratings = pb.Ratings(**{field.name: stars for field in pb.Ratings.DESCRIPTOR.fields})
        await suite.brand().RateCollaboration(pb.RateCollaborationRequest(name=name, ratings=ratings, work_again=again))
    look = pb.GetCampaignReviewRequest(name=campaign.name)
    review = await suite.brand().GetCampaignReview(look)
    assert review == await suite.brand().GetCampaignReview(look)
    ana, bea = review.creators
    assert (ana.creator, ana.rating_hundredths, ana.work_again) == ("creators/ana", 500, True)
    assert list(ana.reactivation) == [
        pb.REACTIVATION_KIND_PAID_PARTNERSHIP,
        pb.REACTIVATION_KIND_NEXT_CAMPAIGN,
        pb.REACTIVATION_KIND_UGC,
        pb.REACTIVATION_KIND_PRODUCT_TEST,
    ]
    assert (bea.work_again, list(bea.reactivation)) == (False, [])
    assert (review.on_time_percent, review.mean_ratings.deadlines, review.mean_ratings.rated) == (100, 400, 2)
    assert {advice.code for advice in review.advice} == {"LESS_TIME", "SMALLER_BUDGET"}
    assert (await refused(suite.brand("brands/soleil").GetCampaignReview(look)))[0] is grpc.StatusCode.NOT_FOUND
    assert (await refused(suite.creator().GetCampaignReview(look)))[0] is grpc.StatusCode.PERMISSION_DENIED


def test_the_page_of_what_is_agreed_is_that_of_the_tables() -> None:
    written = Path(__file__).parents[4] / "docs" / "architecture" / "agreements.md"
    assert written.read_text(encoding="utf-8") == page(), "make campaign-agreements"


def test_every_state_that_can_be_cancelled_is_in_the_table_of_cancellation() -> None:
    ended = {State.COMPLETED, State.RATED, *ENDED_EARLY}
    assert set(cancelling.TABLE) == set(State) - ended
    assert cancelling.CANCELLED <= CANCELLABLE
