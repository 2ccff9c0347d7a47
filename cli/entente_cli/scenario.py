"""A whole campaign, from the first search to the end report, as people, shops and visitors do it.

It drives the services from outside, through their RPCs and the redirect. Whatever is away is asked again with the same
request id, and nothing is assumed to have happened before it is seen: a service may be killed at any moment.
"""

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc.aio
import httpx
from google.protobuf.json_format import ParseDict

from entente.analytics.v1 import service_pb2 as an
from entente.campaign.v1 import service_pb2 as ca
from entente.matching.v1 import service_pb2 as ma
from entente.messaging.v1 import service_pb2 as me
from entente.review.v1 import service_pb2 as re
from entente.type.v1.type_pb2 import PLATFORM_YOUTUBE, Money, Platform
from entente_cli import texts
from entente_cli.commands.creators import explanation, import_creators
from entente_cli.creators_file import CreatorsFile
from entente_cli.domain_time import DomainTime
from entente_cli.errors import CommandError, describe
from entente_cli.output import word
from entente_cli.patience import answered, observed, request_id
from entente_cli.session import OPERATOR, Session, Who, all_pages, brand, creator

Tell = Callable[[str, str, str], None]
"""Hears of each step: the service, the event or RPC, and what happened in words."""

_REMINDERS = {
    me.OCCASION_APPLICATION_UNANSWERED,
    me.OCCASION_CONFIRM_RECEIPT,
    me.OCCASION_PUBLICATION_REMINDER,
    me.OCCASION_REVIEW_REMINDER,
}
_INVITED, _APPLYING, _OFF_TARGET = 6, 4, 3
_MEDIA = "https://cdn.lysandre.example/{creator}/{version}.mp4"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{minor} like Mac OS X) AppleWebKit/605.1.15 Mobile/15E{build}"
_PREVIEW = "facebookexternalhit/1.1"


@dataclass(slots=True)
class Cast:
    """Who plays which part, by name "creators/{id}".

    Args:
        accepting: invited, and take part.
        refusing: invited, and decline.
        silent: invited, and never answer.
        chosen: apply, and are accepted.
        off_target: apply, and are declined.
    """

    accepting: list[str]
    refusing: list[str]
    silent: list[str]
    chosen: list[str]
    off_target: list[str]

    @property
    def invited(self) -> list[str]:
        return self.accepting + self.refusing + self.silent

    @property
    def applying(self) -> list[str]:
        return self.chosen + self.off_target

    @property
    def taking_part(self) -> list[str]:
        return self.accepting + self.chosen

    @property
    def everybody(self) -> list[str]:
        return self.invited + self.applying


@dataclass(slots=True)
class Outcome:
    """What the driver was told on its way and cannot ask for later.

    Args:
        imported: what became of the file.
        matches: how many creators matched.
        orders: names of the conversions that it reported.
    """

    imported: ma.ImportCreatorsResponse = field(default_factory=ma.ImportCreatorsResponse)
    matches: int = 0
    orders: list[str] = field(default_factory=list)


class Scenario:
    """The driver.

    Args:
        session: the services.
        time: how domain time passes.
        file: the creators.
        run: tells this run's requests from others'.
        tell: hears of each step.
        checkpoint: awaited before each part with its name; a test kills a service there.
    """

    def __init__(
        self,
        session: Session,
        time: DomainTime,
        file: Path,
        *,
        run: str,
        tell: Tell,
        checkpoint: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._session = session
        self._time = time
        self._file = CreatorsFile(file)
        self._run = run
        self._tell = tell
        self._checkpoint = checkpoint
        self._start = self._ordered_at = time.now()
        self._brand_name = f"brands/{texts.BRAND_ID}-{run}"
        self._brand = brand(self._brand_name)
        self._platforms: dict[str, Platform.ValueType] = {}
        self._links: dict[str, an.TrackedLink] = {}
        self._submissions: dict[str, str] = {}
        self.campaign = ""
        self.cast = Cast([], [], [], [], [])
        self.outcome = Outcome()

    @property
    def days(self) -> float:
        """Days since the campaign was published; since the beginning before that."""
        return (self._time.now() - self._start) / timedelta(days=1)

    async def play(self) -> None:
        """Play everything, in order.

        Raises:
            CommandError: something that had to come did not.
            grpc.aio.AioRpcError: a service refused what it should not.
        """
        parts = [
            self.import_creators,
            self.search,
            self.publish,
            self.invite_and_apply,
            self.answer_applications,
            self.talk,
            self.ship,
            self.receive,
            self.submit,
            self.decide,
            self.create_links,
            self.publish_content,
            self.wait_for_the_clock,
            self.click,
            self.sell,
            self.measure,
            self.close,
        ]
        for part in parts:
            if self._checkpoint:
                await self._checkpoint(part.__name__)
            await part()

    # -- matching -----------------------------------------------------------------------------------------------------

    async def import_creators(self) -> None:
        """The creators come in from the file."""
        imported = await answered(lambda: import_creators(self._file, session=self._session), seconds=300)
        known = imported.created + imported.updated + imported.unchanged
        self._tell(
            "matching",
            "CreatorsImported",
            f"{known:,} creators from {imported.accepted_rows:,} rows; {imported.rejected_rows:,} rows refused",
        )
        self.outcome.imported = imported

        async def indexed() -> ma.SearchCreatorsResponse:
            return await self._session.matching.SearchCreators(ma.SearchCreatorsRequest(page_size=1))

        await observed("the index to hold the creators", indexed, lambda found: found.total_size >= known)

    async def search(self) -> None:
        """The brand looks for creators whose audience is French, and gets each score explained."""
        campaign = ParseDict(texts.CAMPAIGN, ca.Campaign())
        request = ma.SearchCreatorsRequest(
            filter=ma.CreatorFilter(platforms=campaign.platforms, main_audience_countries=["FR"]),
            brief=ma.MatchBrief(target_audience=campaign.target_audience, platforms=campaign.platforms),
            page_size=100,
        )
        found = await self._as(self._brand, self._session.matching.SearchCreators, request)
        self.outcome.matches = found.total_size
        needed = _INVITED + _APPLYING
        if len(found.matches) < needed:
            raise CommandError(f"{len(found.matches)} creators of the file match; the scenario needs {needed}.")
        # By score, and by name where scores are equal, so that every run has the same cast.
        best = sorted(found.matches, key=lambda match: (-match.fit.score_hundredths, match.creator))
        self._tell("matching", "SearchCreators", f"{found.total_size} match; the best is {explanation(best[0])}")

        names = [match.creator for match in best]
        self._platforms = {match.creator: match.platform for match in best}
        others = await self._as(
            self._brand,
            self._session.matching.SearchCreators,
            ma.SearchCreatorsRequest(
                filter=ma.CreatorFilter(platforms=campaign.platforms, main_audience_countries=["US", "GB", "DE"]),
                order_by="name",
                page_size=_OFF_TARGET,
            ),
        )
        self.cast = Cast(
            accepting=names[:4],
            refusing=names[4:5],
            silent=names[5:_INVITED],
            chosen=names[_INVITED:needed],
            off_target=[match.creator for match in others.matches],
        )
        excluded = await self._as(
            self._brand,
            self._session.matching.ExplainExclusion,
            ma.ExplainExclusionRequest(creator=self.cast.off_target[0], filter=request.filter),
        )
        reasons = "; ".join(f"{e.field} must be {e.required}, is {e.actual}" for e in excluded.exclusions)
        self._tell("matching", "ExplainExclusion", f"why not {self.cast.off_target[0]}: {reasons}")
        shortlist = await self._as(
            self._brand,
            self._session.matching.CreateShortlist,
            ma.CreateShortlistRequest(
                parent=self._brand_name,
                shortlist=ma.Shortlist(display_name="Sérum Aube, premier choix", creators=self.cast.invited),
            ),
        )
        self._tell("matching", "ShortlistUpdated", f"{len(shortlist.creators)} on “{shortlist.display_name}”")

    # -- campaign -----------------------------------------------------------------------------------------------------

    async def publish(self) -> None:
        """The brand writes its campaign, hears what is missing, and publishes it."""
        await self._as(
            OPERATOR,
            self._session.campaign.RegisterBrand,
            ca.RegisterBrandRequest(
                brand_id=self._brand_name.removeprefix("brands/"),
                brand=ca.Brand(display_name=texts.BRAND_NAME, country="FR", website="https://www.lysandre.example"),
            ),
        )
        await self._introduce()
        # Days count from here, whenever a run comes to it.
        self._start = self._time.now()
        whole = ParseDict(texts.CAMPAIGN, ca.Campaign(brand=self._brand_name))
        whole.objective.deadline_time.FromDatetime(self._start + timedelta(days=60))
        whole.application_deadline_time.FromDatetime(self._start + timedelta(days=30))
        whole.start_time.FromDatetime(self._start + timedelta(days=1))
        whole.end_time.FromDatetime(self._start + timedelta(days=75))

        draft = ca.Campaign()
        draft.CopyFrom(whole)
        for missing in ("objective", "target_audience"):
            draft.ClearField(missing)
        created = await self._as(
            self._brand, self._session.campaign.CreateCampaign, ca.CreateCampaignRequest(campaign=draft)
        )
        self.campaign = created.name
        publication = ca.PublishCampaignRequest(name=self.campaign)
        try:
            await self._as(self._brand, self._session.campaign.PublishCampaign, publication, "too early")
        except grpc.aio.AioRpcError as error:
            told = describe(error)
            fields = ", ".join(sorted(field["field"] for field in told.get("fields", [])))
            self._tell("campaign", told["reason"], f"not published without: {fields}")
        else:
            raise CommandError("A campaign without an objective was published.")

        whole.name = self.campaign
        update = ca.UpdateCampaignRequest(campaign=whole)
        update.update_mask.paths.extend(["objective", "target_audience"])
        await self._as(self._brand, self._session.campaign.UpdateCampaign, update)
        published = await self._as(self._brand, self._session.campaign.PublishCampaign, publication)
        self._tell("campaign", "CampaignPublished", f"“{published.title}”, {published.places} places, 60 clicks wanted")

    async def invite_and_apply(self) -> None:
        """Some creators are invited, others apply by themselves."""
        request = ca.InviteCreatorsRequest(
            campaign=self.campaign,
            invitations=[
                ca.Invitation(creator=name, message=texts.INVITATION.format(name=name.removeprefix("creators/")))
                for name in self.cast.invited
            ],
        )
        invited = await self._as(self._brand, self._session.campaign.InviteCreators, request)
        _all_done(invited.results)
        fits = [r.collaboration.fit.score_hundredths / 100 for r in invited.results if r.collaboration.HasField("fit")]
        scores = f", fit {min(fits):.0f} to {max(fits):.0f}" if fits else ""
        self._tell("campaign", "CreatorInvited", f"{len(invited.results)} creators invited{scores}")

        for name in self.cast.applying:
            await self._as(
                creator(name),
                self._session.campaign.ApplyToCampaign,
                ca.ApplyToCampaignRequest(campaign=self.campaign, creator=name, message=texts.APPLICATION),
                name,
            )
        self._tell("campaign", "ApplicationReceived", f"{len(self.cast.applying)} creators applied")

        for name in self.cast.accepting:
            await self._respond(name, ca.INVITATION_ANSWER_ACCEPT)
        self._tell("campaign", "CollaborationAccepted", f"{len(self.cast.accepting)} accepted their invitation")
        for name in self.cast.refusing:
            await self._respond(name, ca.INVITATION_ANSWER_DECLINE, [ca.DECLINE_REASON_AVAILABILITY])
        self._tell("campaign", "CollaborationDeclined", f"{len(self.cast.refusing)} declined: no time")

    async def answer_applications(self) -> None:
        """Two days later the brand is reminded, and answers in bulk."""
        await self._day(2.1)
        reminders = await self._reminded(self._brand_name, len(self.cast.applying), me.OCCASION_APPLICATION_UNANSWERED)
        self._tell("campaign", "ReminderDue", f"after 2 days the brand is reminded of {reminders} open applications")
        accepted = await self._as(
            self._brand,
            self._session.campaign.AcceptApplications,
            ca.AcceptApplicationsRequest(campaign=self.campaign, creators=self.cast.chosen),
        )
        _all_done(accepted.results)
        self._tell("campaign", "CollaborationAccepted", f"{len(accepted.results)} applications accepted")
        full = await self._as(
            self._brand,
            self._session.campaign.AcceptApplications,
            ca.AcceptApplicationsRequest(campaign=self.campaign, creators=self.cast.off_target[:1]),
            "one too many",
        )
        if not full.results[0].HasField("error"):
            raise CommandError("A creator was accepted beyond the places of the campaign.")
        self._tell("campaign", "AcceptApplications", f"one more is refused: {full.results[0].error.message}")
        declined = await self._as(
            self._brand,
            self._session.campaign.DeclineApplications,
            ca.DeclineApplicationsRequest(
                campaign=self.campaign,
                creators=self.cast.off_target,
                reasons=[ca.DECLINE_REASON_AUDIENCE],
                comment=texts.DECLINED,
            ),
        )
        _all_done(declined.results)
        self._tell("campaign", "CollaborationDeclined", f"{len(declined.results)} declined: another audience")

    async def talk(self) -> None:
        """A creator asks something, and the brand answers some hours later."""
        name = self.cast.accepting[0]
        conversation = f"conversations/{self.campaign.removeprefix('campaigns/')}~{name.removeprefix('creators/')}"
        send = self._session.messaging.SendMessage
        question = await self._as(
            creator(name), send, me.SendMessageRequest(parent=conversation, text=texts.QUESTION), 1
        )
        await self._day(2.5)
        await self._as(
            self._brand,
            self._session.messaging.MarkRead,
            me.MarkReadRequest(name=conversation, message=question.name),
        )
        await self._as(self._brand, send, me.SendMessageRequest(parent=conversation, text=texts.ANSWER), 2)
        self._tell("messaging", "MessageSent", f"{name} asks, and the brand answers ten hours later")
        told = await self._notifications_of(self.cast.chosen[0])
        if told:
            self._tell("messaging", "NotificationDelivered", f"to {self.cast.chosen[0]}: “{told[0].title}”")

    async def ship(self) -> None:
        """The brand sends the product."""
        await self._day(3)
        for number, name in enumerate(self.cast.taking_part):
            await self._as(
                self._brand,
                self._session.campaign.ShipParcel,
                ca.ShipParcelRequest(name=self._of(name), carrier="Colissimo", tracking_number=f"6A{number:011}"),
                name,
            )
        self._tell("campaign", "ShipmentSent", f"{len(self.cast.taking_part)} parcels sent")

    async def receive(self) -> None:
        """Most confirm receipt; two are reminded, and one of them has lost the parcel."""
        await self._day(5)
        *prompt, late, lost = self.cast.taking_part
        for name in prompt:
            await self._confirm(name)
        self._tell("campaign", "ShipmentReceived", f"{len(prompt)} parcels received; the time to publish runs")
        await self._day(10.1)
        for name in (late, lost):
            await self._reminded(name, 1, me.OCCASION_CONFIRM_RECEIPT)
        self._tell("campaign", "ReminderDue", "2 creators are reminded to confirm their parcel")
        await self._confirm(late)
        await self._as(
            creator(lost),
            self._session.campaign.ReportLoss,
            ca.ReportLossRequest(name=self._of(lost), reason=texts.LOSS),
        )
        self._tell("campaign", "ShipmentLost", "one parcel is lost: another is sent")
        await self._as(
            self._brand,
            self._session.campaign.ShipParcel,
            ca.ShipParcelRequest(name=self._of(lost), carrier="Chronopost", tracking_number="XP000000001"),
            "again",
        )
        await self._day(11)
        await self._confirm(lost, "again")
        self._tell("campaign", "ShipmentReceived", f"{len(self.cast.taking_part)} parcels received in all")

    # -- review -------------------------------------------------------------------------------------------------------

    async def submit(self) -> None:
        """All but one submit content in French; some of it does not meet the brief or the law."""
        await self._day(12)
        whole = 0
        for number, name in enumerate(self._submitting()):
            caption = texts.FLAWED_CAPTIONS[number] if self._is_flawed(name) else texts.CAPTIONS[number % 3]
            submission = await self._submit(name, caption, 1)
            whole += submission.compliance_percent == 100
            if self._is_flawed(name):
                failed = [c.title for c in submission.criteria if c.result != re.CRITERION_RESULT_PASS]
                percent = submission.compliance_percent
                self._tell(
                    "review", "SubmissionReceived", f"{name}: {percent} % compliant, not met: {'; '.join(failed)}"
                )
        self._tell("review", "SubmissionReceived", f"{len(self._submitting())} submissions, {whole} of them at 100 %")

    async def decide(self) -> None:
        """The brand asks for changes, approves what is good, and leaves two for the clock."""
        await self._day(13)
        for name in filter(self._is_flawed, self.cast.taking_part):
            changes = re.RequestChangesRequest(name=self._submissions[name], comment=texts.CHANGES)
            asked = await self._as(self._brand, self._session.review.RequestChanges, changes, name)
            self._tell("review", "ChangesRequested", f"{name}: {asked.feedback[0].comment}")
        await self._day(14)
        for number, name in enumerate(self.cast.taking_part):
            if self._is_flawed(name):
                corrected = await self._submit(name, texts.CAPTIONS[number % 3], 2)
                self._tell("review", "SubmissionReceived", f"{name}: corrected, {corrected.compliance_percent} %")
        await self._approve(self._decided())

    async def wait_for_the_clock(self) -> None:
        """Two submissions are approved by the clock after ten days; a creator who is late is reminded."""
        left = self._left_to_the_clock()
        await self._day(17.1)
        await self._reminded(self._brand_name, len(left), me.OCCASION_REVIEW_REMINDER)
        await self._day(19.1)
        await self._reminded(self._brand_name, 2 * len(left), me.OCCASION_REVIEW_REMINDER)
        self._tell(
            "review", "ReviewReminderDue", f"the brand is reminded of {len(left)} submissions after 5 and 7 days"
        )
        await self._day(22.1)
        await self._in_state(left, ca.COLLABORATION_STATE_APPROVED)
        self._tell("review", "SubmissionApproved", f"{len(left)} approved automatically after 10 days")
        tardy = self._tardy()
        await self._reach_half_time(tardy)
        await self._reminded(tardy, 1, me.OCCASION_PUBLICATION_REMINDER)
        self._tell("campaign", "ReminderDue", f"{tardy} has nothing to show at half time, and is reminded")
        await self._submit(tardy, texts.CAPTIONS[0], 1)
        await self._approve([tardy])
        await self._publish_content([*left, tardy])

    async def publish_content(self) -> None:
        """Creators publish what was approved."""
        await self._day(15)
        await self._publish_content(self._decided())

    # -- analytics ----------------------------------------------------------------------------------------------------

    async def create_links(self) -> None:
        """Each creator gets a tracked link, one also a promo code."""
        for name in self.cast.taking_part:
            link = an.TrackedLink(collaboration=self._of(name), destination_url=texts.PRODUCT_URL)
            self._links[name] = await self._as(
                self._brand,
                self._session.analytics.CreateTrackedLink,
                an.CreateTrackedLinkRequest(tracked_link=link),
                name,
            )
        code = an.PromoCode(code="AUBE10", collaboration=self._of(self.cast.taking_part[0]))
        await self._as(self._brand, self._session.analytics.CreatePromoCode, an.CreatePromoCodeRequest(promo_code=code))
        first = self._links[self.cast.taking_part[0]].short_url
        self._tell("analytics", "TrackedLinkCreated", f"{len(self._links)} links, such as {first}, and one promo code")

    async def click(self) -> None:
        """People follow the links; so do a preview robot, and some twice."""
        await self._day(23)
        total = 0
        async with httpx.AsyncClient(timeout=10) as http:
            for number, name in enumerate(self.cast.taking_part):
                visitors = 8 + 2 * (number % 4)
                for visitor in [*range(visitors), *range(number % 3)]:
                    await self._visit(http, name, _phone(number, visitor))
                await self._visit(http, name, _PREVIEW)
                total += visitors
        await self._until_kpi("clicks", lambda kpis: kpis.clicks >= total)
        kpis = await self._kpis()
        self._tell(
            "analytics",
            "LinkClicked",
            f"{kpis.clicks} through the redirect; {kpis.bot_clicks} of robots and {kpis.repeat_clicks} repeats apart",
        )

    async def sell(self) -> None:
        """The shop reports orders, one of them twice, and a refund."""
        await self._day(24)
        async with httpx.AsyncClient(timeout=10) as http:
            clicks = [
                await self._visit(http, name, _phone(number, 500)) for number, name in enumerate(self.cast.taking_part)
            ]
            self._ordered_at = self._time.now()
            for number, click_id in enumerate(clicks):
                await self._order(f"c{number}", 3900 + 500 * number, click_id=click_id)
        await self._order("promo", 5200, promo_code="aube10")
        await self._order("c0", 3900, again=True)
        refund = an.RecordRefundRequest(brand=self._brand_name, order_id="c1", refund_id="r1", amount=_euros(4400))
        refund.refund_time.FromDatetime(self._time.now())
        await self._as(self._brand, self._session.analytics.RecordRefund, refund)
        self._tell("analytics", "ConversionRefunded", "one order is refunded in full")
        orders = len(self.cast.taking_part)
        await self._until_kpi("conversions", lambda kpis: kpis.conversions == orders)
        why = await self._as(
            self._brand,
            self._session.analytics.ExplainAttribution,
            an.ExplainAttributionRequest(name=self.outcome.orders[0]),
        )
        self._tell("analytics", "ConversionRecorded", f"{orders + 1} orders, one reported twice; {why.summary}")

    async def measure(self) -> None:
        """The posts' figures come in, and the objective is looked at."""
        await self._day(25)
        for number, name in enumerate(self.cast.taking_part):
            report = an.ReportContentMetricsRequest(
                collaboration=self._of(name), post_url=self._post(name), figures=_figures(number)
            )
            report.measure_time.FromDatetime(self._time.now())
            await self._as(creator(name), self._session.analytics.ReportContentMetrics, report, name)
        await self._until_kpi("measured posts", lambda kpis: kpis.measured_posts == len(self.cast.taking_part))
        self._tell("analytics", "ContentMetricsReported", f"figures of {len(self.cast.taking_part)} posts")
        progress = await self.objective()
        status = word(an.ObjectiveStatus, progress.status)
        self._tell("analytics", "ObjectiveStatusChanged", f"{progress.value} of {progress.target} clicks: {status}")

    # -- the end ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """The brand closes and rates each collaboration, and ends the campaign."""
        await self._day(26)
        for number, name in enumerate(self.cast.taking_part):
            await self._as(
                self._brand,
                self._session.campaign.CompleteCollaboration,
                ca.CompleteCollaborationRequest(name=self._of(name)),
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
            await self._as(
                self._brand,
                self._session.campaign.RateCollaboration,
                ca.RateCollaborationRequest(name=self._of(name), ratings=ratings, comment=texts.THANKS),
                name,
            )
        self._tell("campaign", "CollaborationRated", f"{len(self.cast.taking_part)} completed and rated")
        await self._as(
            self._brand, self._session.campaign.CompleteCampaign, ca.CompleteCampaignRequest(name=self.campaign)
        )
        await self._in_state(self.cast.silent, ca.COLLABORATION_STATE_EXPIRED)
        self._tell("campaign", "CampaignCompleted", "the campaign has ended; the invitation without an answer expires")

        async def rated() -> list[ma.Creator]:
            get = self._session.matching.GetCreator
            return [await get(ma.GetCreatorRequest(name=name)) for name in self.cast.taking_part]

        profiles = await observed(
            "the ratings to be in the profiles", rated, lambda found: all(c.past_performance.rated == 1 for c in found)
        )
        rating = profiles[0].past_performance.rating
        self._tell("matching", "GetCreator", f"ratings are in {len(profiles)} profiles, the first {rating:.1f} of 5")

    # -- what is seen -------------------------------------------------------------------------------------------------

    async def collaborations(self) -> list[ca.Collaboration]:
        """All collaborations of the campaign."""

        async def page(token: str) -> ca.ListCollaborationsResponse:
            request = ca.ListCollaborationsRequest(parent=self.campaign, page_size=500, page_token=token)
            return await self._session.campaign.ListCollaborations(request)

        return await answered(lambda: all_pages(page, lambda page: page.collaborations))

    async def submissions(self) -> list[re.Submission]:
        """All versions of all content."""

        async def page(token: str) -> re.ListSubmissionsResponse:
            request = re.ListSubmissionsRequest(campaign=self.campaign, page_size=500, page_token=token)
            return await self._session.review.ListSubmissions(request)

        return await answered(lambda: all_pages(page, lambda page: page.submissions))

    async def notifications(self) -> list[tuple[str, str, str]]:
        """Who was told of what, and how far the mail came: recipient, occasion, state."""
        return [
            (told.recipient, word(me.Occasion, told.occasion), word(me.MailState, told.mail_state))
            for recipient in [self._brand_name, *self.cast.everybody]
            for told in await self._notifications_of(recipient)
        ]

    async def reminder_count(self) -> int:
        """Reminders that arrived, of all four kinds."""
        told = [n for name in [self._brand_name, *self.cast.everybody] for n in await self._notifications_of(name)]
        return sum(notification.occasion in _REMINDERS for notification in told)

    async def message_count(self) -> int:
        """Messages in the conversations of the brand: those that people wrote and those from templates."""
        as_brand = self._session.acting_for(self._brand)

        async def conversations(token: str) -> me.ListConversationsResponse:
            request = me.ListConversationsRequest(
                participant=self._brand_name, campaign=self.campaign, page_size=500, page_token=token
            )
            return await self._session.messaging.ListConversations(request, metadata=as_brand)

        count = 0
        for found in await answered(lambda: all_pages(conversations, lambda page: page.conversations)):

            async def messages(token: str, parent: str = found.name) -> me.ListMessagesResponse:
                request = me.ListMessagesRequest(parent=parent, page_size=500, page_token=token)
                return await self._session.messaging.ListMessages(request, metadata=as_brand)

            count += len(await answered(lambda m=messages: all_pages(m, lambda page: page.messages)))  # type: ignore[misc]
        return count

    async def objective(self) -> an.ObjectiveProgress:
        """How far the objective is."""
        request = an.GetObjectiveProgressRequest(campaign=self.campaign)
        return await answered(lambda: self._session.analytics.GetObjectiveProgress(request))

    async def report(self) -> an.CampaignReport:
        """The end report."""
        request = an.GetCampaignReportRequest(campaign=self.campaign)
        return await answered(lambda: self._session.analytics.GetCampaignReport(request))

    async def conversions(self) -> list[an.Conversion]:
        """The orders as analytics holds them."""
        explain = self._session.analytics.ExplainAttribution
        requests = [an.ExplainAttributionRequest(name=name) for name in self.outcome.orders]
        return [(await answered(lambda r=r: explain(r))).conversion for r in requests]  # type: ignore[misc]

    # -- small steps --------------------------------------------------------------------------------------------------

    async def _as(self, who: Who, method: Any, request: Any, *step: object) -> Any:
        """Call as somebody, with a request id of this run and step where the request has one."""
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = request_id(self._run, request.DESCRIPTOR.name, *step)
        return await answered(lambda: method(request, metadata=self._session.acting_for(who)))

    async def _introduce(self) -> None:
        """Everybody says how they are reached; only messaging knows."""
        for who, address in [
            (self._brand_name, "ines@lysandre.example"),
            *((name, f"{name.removeprefix('creators/')}@creators.example") for name in self.cast.everybody),
        ]:
            acting = self._brand if who == self._brand_name else creator(who)
            contact = me.Contact(
                name=f"{who}/contact", email=address, locale="fr", time_zone="Europe/Paris", email_enabled=True
            )
            request = me.UpdateContactRequest(contact=contact)
            await self._as(acting, self._session.messaging.UpdateContact, request, who)
        self._tell(
            "messaging", "UpdateContact", f"{1 + len(self.cast.everybody)} contacts; no other service knows them"
        )

    async def _notifications_of(self, recipient: str) -> list[me.Notification]:
        who = self._brand if recipient == self._brand_name else creator(recipient)

        async def page(token: str) -> me.ListNotificationsResponse:
            request = me.ListNotificationsRequest(
                recipient=recipient, campaign=self.campaign, page_size=500, page_token=token
            )
            return await self._session.messaging.ListNotifications(request, metadata=self._session.acting_for(who))

        return await answered(lambda: all_pages(page, lambda page: page.notifications))

    async def _reminded(self, recipient: str, count: int, occasion: "me.Occasion.ValueType") -> int:
        """Wait until somebody was told of something so often."""

        async def told() -> int:
            return sum(n.occasion == occasion for n in await self._notifications_of(recipient))

        what = f"{recipient} to hear {count} times: {word(me.Occasion, occasion)}"
        return await observed(what, told, lambda seen: seen >= count)

    async def _day(self, day: float) -> None:
        await self._time.reach(self._start + timedelta(days=day))

    def _of(self, name: str) -> str:
        return f"{self.campaign}/collaborations/{name.removeprefix('creators/')}"

    async def _respond(
        self,
        name: str,
        answer: "ca.InvitationAnswer.ValueType",
        reasons: "Iterable[ca.DeclineReason.ValueType]" = (),
    ) -> None:
        request = ca.RespondToInvitationRequest(name=self._of(name), answer=answer, reasons=reasons)
        await self._as(creator(name), self._session.campaign.RespondToInvitation, request, name)

    async def _confirm(self, name: str, *step: object) -> None:
        request = ca.ConfirmReceiptRequest(name=self._of(name))
        await self._as(creator(name), self._session.campaign.ConfirmReceipt, request, name, *step)

    async def _in_state(self, names: Sequence[str], state: "ca.CollaborationState.ValueType") -> None:
        wanted = {self._of(name) for name in names}

        async def others() -> dict[str, str]:
            found = await self.collaborations()
            return {
                c.name: word(ca.CollaborationState, c.state) for c in found if c.name in wanted and c.state != state
            }

        await observed(f"collaborations to be {word(ca.CollaborationState, state)}", others, lambda found: not found)

    def _is_flawed(self, name: str) -> bool:
        return name in self.cast.taking_part[: len(texts.FLAWED_CAPTIONS)]

    def _left_to_the_clock(self) -> list[str]:
        return self.cast.taking_part[3:5]

    def _tardy(self) -> str:
        return self.cast.taking_part[5]

    def _submitting(self) -> list[str]:
        return [name for name in self.cast.taking_part if name != self._tardy()]

    def _decided(self) -> list[str]:
        left = self._left_to_the_clock()
        return [name for name in self._submitting() if name not in left]

    async def _approve(self, names: Sequence[str]) -> None:
        for name in names:
            approval = re.ApproveSubmissionRequest(name=self._submissions[name], comment=texts.THANKS)
            await self._as(self._brand, self._session.review.ApproveSubmission, approval, name)
        await self._in_state(names, ca.COLLABORATION_STATE_APPROVED)
        self._tell("review", "SubmissionApproved", f"{len(names)} approved by the brand")

    async def _reach_half_time(self, name: str) -> None:
        """Let half of a creator's time to publish pass."""
        (found,) = [c for c in await self.collaborations() if c.creator == name]
        received, due = found.shipment.receive_time.ToDatetime(UTC), found.publication_due_time.ToDatetime(UTC)
        await self._time.reach(received + (due - received) / 2 + timedelta(hours=1))

    async def _submit(self, name: str, caption: str, version: int) -> re.Submission:
        media = re.Media(url=_MEDIA.format(creator=name.removeprefix("creators/"), version=version))
        request = re.SubmitContentRequest(
            collaboration=self._of(name),
            deliverable="reel-1",
            content=re.Content(caption=caption, language="fr", media=[media]),
        )
        submission: re.Submission = await self._as(
            creator(name), self._session.review.SubmitContent, request, name, version
        )
        self._submissions[name] = submission.name
        return submission

    def _post(self, name: str) -> str:
        where = "youtube.com/shorts" if self._platforms[name] == PLATFORM_YOUTUBE else "instagram.com/reel"
        return f"https://www.{where}/{name.removeprefix('creators/')}"

    async def _publish_content(self, names: Sequence[str]) -> None:
        for name in names:
            request = ca.ReportPublicationRequest(name=self._of(name), url=self._post(name), deliverable="reel-1")
            await self._as(creator(name), self._session.campaign.ReportPublication, request, name)
        self._tell("campaign", "ContentPublished", f"{len(names)} posts published, such as {self._post(names[0])}")

    async def _visit(self, http: httpx.AsyncClient, name: str, user_agent: str) -> str:
        """Follow a creator's link; the click id that the shop gets."""

        async def follow() -> httpx.Response:
            response = await http.get(self._links[name].short_url, headers={"User-Agent": user_agent})
            if response.status_code >= 500:
                raise httpx.ReadError(f"{response.status_code} {response.text.strip()}")
            return response

        response = await answered(follow)
        location = response.headers.get("location", "")
        if not location.startswith(texts.PRODUCT_URL):
            raise CommandError(
                f"{self._links[name].short_url} does not lead to the shop: {response.status_code} {location}"
            )
        return str(parse_qs(urlsplit(location).query).get("entente_click", [""])[0])

    async def _order(
        self, order: str, cents: int, *, click_id: str = "", promo_code: str = "", again: bool = False
    ) -> None:
        request = an.RecordConversionRequest(
            brand=self._brand_name, order_id=order, amount=_euros(cents), promo_code=promo_code
        )
        if click_id:
            request.touches.add(click_id=click_id)
        if not again:
            request.new_customer = order != "promo"
        request.order_time.FromDatetime(self._ordered_at)
        conversion = await self._as(self._brand, self._session.analytics.RecordConversion, request, order, again)
        if conversion.name not in self.outcome.orders:
            self.outcome.orders.append(conversion.name)

    async def _kpis(self) -> an.Kpis:
        request = an.GetCampaignKpisRequest(campaign=self.campaign)
        return (await answered(lambda: self._session.analytics.GetCampaignKpis(request))).total

    async def _until_kpi(self, what: str, wanted: Callable[[an.Kpis], bool]) -> None:
        await observed(f"{what} in the key figures", self._kpis, wanted)


def _all_done(results: Iterable[ca.CollaborationResult]) -> None:
    for result in results:
        if result.HasField("error"):
            raise CommandError(f"{result.creator}: {result.error.message}")


def _phone(creator: int, visitor: int) -> str:
    return _PHONE.format(minor=visitor % 10, build=1000 * (creator + 1) + visitor)


def _euros(cents: int) -> Money:
    return Money(currency_code="EUR", minor_units=cents)


def _figures(number: int) -> an.ContentFigures:
    chance = random.Random(number)
    reach = chance.randrange(20_000, 90_000)
    return an.ContentFigures(
        reach=reach,
        impressions=reach * 13 // 10,
        views=reach * 11 // 10,
        likes=reach * chance.randrange(20, 60) // 1000,
        comments=reach * chance.randrange(1, 5) // 1000,
        shares=reach * chance.randrange(1, 4) // 1000,
        saves=reach * chance.randrange(2, 9) // 1000,
    )
