"""The campaign is published; creators are invited, apply, get their product, publish and are rated."""

from collections.abc import Iterable, Sequence
from datetime import UTC, timedelta

import grpc.aio
from google.protobuf.json_format import ParseDict

from entente.campaign.v1 import service_pb2 as ca
from entente.messaging.v1 import service_pb2 as me
from entente_cli import texts
from entente_cli.errors import CommandError, describe
from entente_cli.output import word
from entente_cli.patience import observed
from entente_cli.scenario.messaging import introduce, reminded
from entente_cli.scenario.seen import collaborations
from entente_cli.scenario.stage import Stage
from entente_cli.session import OPERATOR, creator


async def publish(stage: Stage) -> None:
    """The brand writes its campaign, hears what is missing, and publishes it."""
    await stage.call(
        OPERATOR,
        stage.session.campaign.RegisterBrand,
        ca.RegisterBrandRequest(
            brand_id=stage.brand_name.removeprefix("brands/"),
            brand=ca.Brand(display_name=texts.BRAND_NAME, country="FR", website="https://www.lysandre.example"),
        ),
    )
    await introduce(stage)
    # Days count from here, whenever a run comes to it.
    stage.start = stage.time.now()
    whole = ParseDict(texts.CAMPAIGN, ca.Campaign(brand=stage.brand_name))
    whole.objective.deadline_time.FromDatetime(stage.start + timedelta(days=60))
    whole.application_deadline_time.FromDatetime(stage.start + timedelta(days=30))
    whole.start_time.FromDatetime(stage.start + timedelta(days=1))
    whole.end_time.FromDatetime(stage.start + timedelta(days=75))
    # A day of the demo takes a second: it cannot wait for a Monday.
    whole.timeline.any_day_reminders = True

    draft = ca.Campaign()
    draft.CopyFrom(whole)
    for missing in ("objective", "target_audience"):
        draft.ClearField(missing)
    created = await stage.call(
        stage.brand, stage.session.campaign.CreateCampaign, ca.CreateCampaignRequest(campaign=draft)
    )
    stage.campaign = created.name
    publication = ca.PublishCampaignRequest(name=stage.campaign)
    try:
        await stage.call(stage.brand, stage.session.campaign.PublishCampaign, publication, "too early")
    except grpc.aio.AioRpcError as error:
        told = describe(error)
        fields = ", ".join(sorted(field["field"] for field in told.get("fields", [])))
        stage.tell("campaign", told["reason"], f"not published without: {fields}")
    else:
        raise CommandError("A campaign without an objective was published.")

    whole.name = stage.campaign
    update = ca.UpdateCampaignRequest(campaign=whole)
    update.update_mask.paths.extend(["objective", "target_audience"])
    await stage.call(stage.brand, stage.session.campaign.UpdateCampaign, update)
    published = await stage.call(stage.brand, stage.session.campaign.PublishCampaign, publication)
    stage.tell("campaign", "CampaignPublished", f"“{published.title}”, {published.places} places, 60 clicks wanted")


async def invite_and_apply(stage: Stage) -> None:
    """Some creators are invited, others apply by themselves."""
    request = ca.InviteCreatorsRequest(
        campaign=stage.campaign,
        invitations=[
            ca.Invitation(
                creator=name,
                message=texts.INVITATION.format(name=name.removeprefix("creators/")),
                reference=texts.REFERENCE,
                contact=texts.CONTACT,
                options=_options() if name == _paid(stage) else (),
            )
            for name in stage.cast.invited
        ],
    )
    invited = await stage.call(stage.brand, stage.session.campaign.InviteCreators, request)
    _all_done(invited.results)
    fits = [r.collaboration.fit.score_hundredths / 100 for r in invited.results if r.collaboration.HasField("fit")]
    scores = f", fit {min(fits):.0f} to {max(fits):.0f}" if fits else ""
    stage.tell("campaign", "CreatorInvited", f"{len(invited.results)} creators invited{scores}")

    for name in stage.cast.applying:
        await stage.call(
            creator(name),
            stage.session.campaign.ApplyToCampaign,
            ca.ApplyToCampaignRequest(campaign=stage.campaign, creator=name, message=texts.APPLICATION),
            name,
        )
    stage.tell("campaign", "ApplicationReceived", f"{len(stage.cast.applying)} creators applied")

    for name in stage.cast.accepting:
        option = "film" if name == _paid(stage) else ""
        await _respond(stage, name, ca.INVITATION_ANSWER_ACCEPT, option=option)
    stage.tell("campaign", "CollaborationAccepted", f"{len(stage.cast.accepting)} accepted their invitation")
    await _agree(stage, _paid(stage))
    for name in stage.cast.refusing:
        await _respond(stage, name, ca.INVITATION_ANSWER_DECLINE, [ca.DECLINE_REASON_AVAILABILITY])
    stage.tell("campaign", "CollaborationDeclined", f"{len(stage.cast.refusing)} declined: no time")


async def answer_applications(stage: Stage) -> None:
    """Two days later the brand is reminded, and answers in bulk."""
    await stage.day(2.1)
    reminders = await reminded(stage, stage.brand_name, len(stage.cast.applying), me.OCCASION_APPLICATION_UNANSWERED)
    stage.tell("campaign", "ReminderDue", f"after 2 days the brand is reminded of {reminders} open applications")
    accepted = await stage.call(
        stage.brand,
        stage.session.campaign.AcceptApplications,
        ca.AcceptApplicationsRequest(campaign=stage.campaign, creators=stage.cast.chosen),
    )
    _all_done(accepted.results)
    stage.tell("campaign", "CollaborationAccepted", f"{len(accepted.results)} applications accepted")
    full = await stage.call(
        stage.brand,
        stage.session.campaign.AcceptApplications,
        ca.AcceptApplicationsRequest(campaign=stage.campaign, creators=stage.cast.off_target[:1]),
        "one too many",
    )
    if not full.results[0].HasField("error"):
        raise CommandError("A creator was accepted beyond the places of the campaign.")
    stage.tell("campaign", "AcceptApplications", f"one more is refused: {full.results[0].error.message}")
    waits = stage.cast.off_target[0]
    listed = ca.WaitlistApplicationRequest(name=stage.collaboration(waits))
    await stage.call(stage.brand, stage.session.campaign.WaitlistApplication, listed, waits)
    stage.tell("campaign", "CollaborationWaitlisted", "it is put on the waiting list, should a place become free")
    begun = await stage.call(
        stage.brand,
        stage.session.campaign.AnswerApplications,
        ca.AnswerApplicationsRequest(
            campaign=stage.campaign,
            creators=stage.cast.off_target,
            answer=ca.APPLICATION_ANSWER_DECLINE,
            reasons=[ca.DECLINE_REASON_AUDIENCE],
            comment=texts.DECLINED,
        ),
    )
    await in_state(stage, stage.cast.off_target, ca.COLLABORATION_STATE_DECLINED)
    declined = len(stage.cast.off_target)
    stage.tell("campaign", "AnswerApplications", f"{declined} declined by {begun.name}: another audience")


async def ship(stage: Stage) -> None:
    """The brand sends the product."""
    await stage.day(2.8)
    rows = [f"{name},Colissimo,6A{number:011}" for number, name in enumerate(stage.cast.taking_part)]
    file = "\n".join(["creator,carrier,tracking_number", *rows, "creators/nobody,Colissimo,6A1"])
    request = ca.ShipParcelsRequest(campaign=stage.campaign, csv=file)
    sent = await stage.call(stage.brand, stage.session.campaign.ShipParcels, request)
    bad = [(result.row, error) for result in sent.results for error in result.errors]
    if sent.sent != len(rows) or len(bad) != 1:
        raise CommandError(f"{sent.sent} parcels were sent, not {len(rows)}: {bad}")
    ((row, error),) = bad
    stage.tell("campaign", "ShipmentSent", f"{sent.sent} parcels sent from a file; row {row}, {error.column}: unknown")


async def receive(stage: Stage) -> None:
    """Most confirm receipt; two are reminded, and one of them has lost the parcel."""
    await stage.day(5)
    *prompt, late, lost = stage.cast.taking_part
    for name in prompt:
        await _confirm(stage, name)
    stage.tell("campaign", "ShipmentReceived", f"{len(prompt)} parcels received; the time to publish runs")
    await stage.day(10.1)
    for name in (late, lost):
        await reminded(stage, name, 1, me.OCCASION_CONFIRM_RECEIPT)
    stage.tell("campaign", "ReminderDue", "2 creators are reminded to confirm their parcel")
    await _confirm(stage, late)
    await stage.call(
        creator(lost),
        stage.session.campaign.ReportLoss,
        ca.ReportLossRequest(name=stage.collaboration(lost), reason=texts.LOSS),
    )
    stage.tell("campaign", "ShipmentLost", "one parcel is lost: another is sent")
    await stage.call(
        stage.brand,
        stage.session.campaign.ShipParcel,
        ca.ShipParcelRequest(name=stage.collaboration(lost), carrier="Chronopost", tracking_number="XP000000001"),
        "again",
    )
    await stage.day(11)
    await _confirm(stage, lost, "again")
    stage.tell("campaign", "ShipmentReceived", f"{len(stage.cast.taking_part)} parcels received in all")


async def publish_content(stage: Stage) -> None:
    """Creators publish what was approved."""
    await stage.day(15)
    await publish_posts(stage, stage.cast.decided)


async def close(stage: Stage) -> None:
    """The brand closes and rates each collaboration, and ends the campaign."""
    await stage.day(26)
    for number, name in enumerate(stage.cast.taking_part):
        await stage.call(
            stage.brand,
            stage.session.campaign.CompleteCollaboration,
            ca.CompleteCollaborationRequest(name=stage.collaboration(name)),
            name,
        )
        ratings = ca.Ratings(
            audience_relevance=5,
            content_quality=3 + number % 3,
            engagement=4,
            professionalism=5,
            deadlines=5 - number % 2,
            transparency=5,
        )
        await stage.call(
            stage.brand,
            stage.session.campaign.RateCollaboration,
            ca.RateCollaborationRequest(name=stage.collaboration(name), ratings=ratings, comment=texts.THANKS),
            name,
        )
    stage.tell("campaign", "CollaborationRated", f"{len(stage.cast.taking_part)} completed and rated")
    await stage.call(
        stage.brand, stage.session.campaign.CompleteCampaign, ca.CompleteCampaignRequest(name=stage.campaign)
    )
    await in_state(stage, stage.cast.silent, ca.COLLABORATION_STATE_EXPIRED)
    stage.tell("campaign", "CampaignCompleted", "the campaign has ended; the invitation without an answer expires")
    await _pay(stage)
    await _look_back(stage)


def _paid(stage: Stage) -> str:
    """The one who takes the paid kind of collaboration."""
    return stage.cast.accepting[1]


def _options() -> list[ca.CollaborationOption]:
    return [ParseDict(option, ca.CollaborationOption()) for option in texts.OPTIONS]


async def _agree(stage: Stage, name: str) -> None:
    """With the gift, the fee reaches what the law asks a contract for: it is offered, countered and accepted."""
    service, whose = stage.session.campaign, stage.collaboration(name)
    found = await stage.call(stage.brand, service.GetCollaboration, ca.GetCollaborationRequest(name=whose))
    counted = found.contract_need.counted.minor_units / 100
    stage.tell("campaign", "CONTRACT_REQUIRED", f"fees and gifts reach {counted:.0f} EUR this year: a contract first")
    clauses = ParseDict(texts.CLAUSES, ca.ContractClauses())
    clauses.start_time.FromDatetime(stage.start)
    clauses.end_time.FromDatetime(stage.start + timedelta(days=75))
    await stage.call(stage.brand, service.OfferContract, ca.OfferContractRequest(collaboration=whose, clauses=clauses))
    clauses.payment_days = 15
    counter = ca.OfferContractRequest(collaboration=whose, clauses=clauses, comment=texts.COUNTER)
    last = (await stage.call(creator(name), service.OfferContract, counter, "counter")).versions[-1]
    yes = ca.AcceptContractRequest(collaboration=whose, version=last.version, sha256=last.sha256)
    await stage.call(stage.brand, service.AcceptContract, yes)
    await in_state(stage, [name], ca.COLLABORATION_STATE_SHIPMENT_PENDING)
    stage.tell("campaign", "ContractAccepted", f"version {last.version} agreed by both, text {last.sha256[:12]} frozen")


async def _pay(stage: Stage) -> None:
    """What is owed goes to the bank as one file."""
    service, name = stage.session.campaign, _paid(stage)
    payee = ca.SetBankAccountRequest(owner=name, holder_name="Atelier Aube", iban=texts.PAYEE_IBAN)
    payer = ca.SetBankAccountRequest(owner=stage.brand_name, holder_name=texts.BRAND_NAME, iban=texts.PAYER_IBAN)
    await stage.call(creator(name), service.SetBankAccount, payee, "payee")
    await stage.call(stage.brand, service.SetBankAccount, payer, "payer")
    request = ca.CreatePayableExportRequest(parent=stage.brand_name)
    export = await stage.call(stage.brand, service.CreatePayableExport, request)
    form = ca.GetPayableExportFileRequest(name=export.name, format=ca.PAYABLE_FILE_FORMAT_SEPA)
    file = await stage.call(stage.brand, service.GetPayableExportFile, form)
    total = f"{export.total.minor_units / 100:.2f} {export.total.currency_code}"
    stage.tell("campaign", "PayableExport", f"{len(export.lines)} transfer, {total}: {len(file.content)} bytes of SEPA")
    await stage.call(stage.brand, service.MarkPayableExportPaid, ca.MarkPayableExportPaidRequest(name=export.name))

    async def spent() -> int:
        look = ca.GetCampaignRequest(name=stage.campaign)
        found = await stage.call(stage.brand, service.GetCampaign, look)
        return int(found.budget_summary.spent.minor_units)

    await observed("the payment to be spent", spent, lambda minor_units: minor_units > export.total.minor_units)
    stage.tell("campaign", "PayablePaid", f"spent in all: {await spent() / 100:.2f} EUR, parcels included")


async def _look_back(stage: Stage) -> None:
    """Whom to work with again, and what to change next time."""
    look = ca.GetCampaignReviewRequest(name=stage.campaign)
    review = await stage.call(stage.brand, stage.session.campaign.GetCampaignReview, look)
    again = sum(each.work_again for each in review.creators)
    best = review.creators[0]
    kinds = ", ".join(word(ca.ReactivationKind, kind) for kind in best.reactivation) or "nothing yet"
    stage.tell("campaign", "GetCampaignReview", f"work again with {again}; ask {best.creator_display_name} for {kinds}")
    for advice in review.advice:
        stage.tell("campaign", advice.code, f"{advice.field}: {advice.current} → {advice.proposed}; {advice.evidence}")


async def _respond(
    stage: Stage,
    name: str,
    answer: "ca.InvitationAnswer.ValueType",
    reasons: "Iterable[ca.DeclineReason.ValueType]" = (),
    option: str = "",
) -> None:
    request = ca.RespondToInvitationRequest(
        name=stage.collaboration(name), answer=answer, reasons=reasons, option=option
    )
    await stage.call(creator(name), stage.session.campaign.RespondToInvitation, request, name)


async def _confirm(stage: Stage, name: str, *step: object) -> None:
    request = ca.ConfirmReceiptRequest(name=stage.collaboration(name))
    await stage.call(creator(name), stage.session.campaign.ConfirmReceipt, request, name, *step)


async def in_state(stage: Stage, names: Sequence[str], state: "ca.CollaborationState.ValueType") -> None:
    wanted = {stage.collaboration(name) for name in names}

    async def others() -> dict[str, str]:
        found = await collaborations(stage)
        return {c.name: word(ca.CollaborationState, c.state) for c in found if c.name in wanted and c.state != state}

    await observed(f"collaborations to be {word(ca.CollaborationState, state)}", others, lambda found: not found)


async def publish_posts(stage: Stage, names: Sequence[str]) -> None:
    for name in names:
        request = ca.ReportPublicationRequest(
            name=stage.collaboration(name), url=stage.post(name), deliverable="reel-1"
        )
        await stage.call(creator(name), stage.session.campaign.ReportPublication, request, name)
    stage.tell("campaign", "ContentPublished", f"{len(names)} posts published, such as {stage.post(names[0])}")


async def reach_half_time(stage: Stage, name: str) -> None:
    """Let half of a creator's time to publish pass."""
    (found,) = [c for c in await collaborations(stage) if c.creator == name]
    received, due = found.shipment.receive_time.ToDatetime(UTC), found.publication_due_time.ToDatetime(UTC)
    await stage.time.reach(received + (due - received) / 2 + timedelta(hours=1))


def _all_done(results: Iterable[ca.CollaborationResult]) -> None:
    for result in results:
        if result.HasField("error"):
            raise CommandError(f"{result.creator}: {result.error.message}")
