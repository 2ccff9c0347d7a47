"""A campaign from end to end, told to the services through their RPCs, in which everything happens that they publish.

anna goes the whole way and is asked for changes once; bea is declined; carl is invited, and nobody reviews his content
in time, and he calls for a decision; dora is invited and declines; emil leaves; fred never publishes; gina's content is
refused; hugo is put on the waiting list, and does not take the place that he is offered.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from google.protobuf.message import Message

from entente_chassis.auth import Role
from entente_chassis.store import Outgoing
from tests.contract.world import START, States, World, running

Fields = dict[str, Any]

BRAND = "brands/lumen"
CREATORS = ("anna", "bea", "carl", "dora", "emil", "fred", "gina", "hugo")
GOOD = (
    "Publicité — j'ai testé la crème Lumière pendant trois semaines, avant / après ! Merci @lumen #lumiere "
    "https://shop.example/lumiere ANNA10"
)
DAY = timedelta(days=1)


def euros(amount: int) -> Fields:
    return {"currencyCode": "EUR", "minorUnits": amount * 100}


def day(number: int) -> str:
    return (START + number * DAY).isoformat()


CAMPAIGN: Fields = {
    "brand": BRAND,
    "title": "Crème Lumière",
    "mechanic": "MECHANIC_PRODUCT_TEST",
    "objective": {"metric": "OBJECTIVE_METRIC_CLICKS", "target": 100, "deadlineTime": day(80)},
    "targetAudience": {
        "countries": ["FR"],
        "ages": ["25-34"],
        "genders": ["FEMALE"],
        "languages": ["fr"],
        "interests": ["beauty"],
    },
    "persona": {"description": "Women of 25 to 34 who care for their skin", "purchases": ["skin care"]},
    "brief": {
        "productName": "Lumière",
        "productDescription": "A day cream",
        "message": "It brings light",
        "mandatoryElements": [{"id": "before-after", "description": "Before and after", "acceptedTerms": ["avant"]}],
        "hashtags": ["lumiere"],
        "mentions": ["lumen"],
        "forbiddenTerms": ["miracle"],
        "competitors": ["Obscura"],
        "requiredLink": "https://shop.example/",
        "promoCode": "ANNA10",
        "deliverables": [{"kind": "DELIVERABLE_KIND_REEL", "quantity": 1, "platform": "PLATFORM_INSTAGRAM"}],
        "languages": ["fr"],
    },
    "markets": ["FR"],
    "platforms": ["PLATFORM_INSTAGRAM"],
    "compensation": {"model": "COMPENSATION_MODEL_FIXED_FEE", "fee": euros(200), "giftValue": euros(40)},
    "budget": euros(5000),
    "places": 6,
    "startTime": day(0),
    "endTime": day(90),
}


class Story:
    """Who calls which service, and what has come of the campaign."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.campaign = ""
        self._calls = 0

    def collaboration(self, creator: str) -> str:
        return f"{self.campaign}/collaborations/{creator}"

    async def as_brand(self, service: str, method: str, /, **fields: Any) -> Any:
        """Call as the brand; every mutation with a request id, so that the story is the same each time it is told."""
        self._calls += 1
        return await self.world.call(service, method, fields, Role.BRAND, f"r-{self._calls}", brands=[BRAND])

    async def as_operator(self, service: str, method: str, /, **fields: Any) -> Any:
        """Call as who runs the marketplace."""
        self._calls += 1
        return await self.world.call(service, method, fields, Role.OPERATOR, f"r-{self._calls}")

    async def as_creator(self, creator: str, service: str, method: str, /, **fields: Any) -> Any:
        """Call as a creator."""
        self._calls += 1
        own = [f"creators/{creator}"]
        return await self.world.call(service, method, fields, Role.CREATOR, f"r-{self._calls}", creators=own)

    async def creators_register(self) -> None:
        """Each with an account that fits more or less; one more comes with a file."""
        await self.as_operator(
            "matching",
            "ImportCreators",
            columns=["creator", "followers"],
            rows=[{"row": 2, "values": ["ines", "12000"]}],
            defaultPlatform="PLATFORM_INSTAGRAM",
            defaultSnapshot="2026-02",
        )
        for number, name in enumerate(CREATORS):
            account = {
                "platform": "PLATFORM_INSTAGRAM",
                "handle": name,
                "audience": {
                    "countries": [{"code": "FR", "weight": 0.9 - number / 20}],
                    "genders": [{"code": "FEMALE", "weight": 0.8}],
                },
                "metrics": {
                    "measureTime": day(-3),
                    "followers": 20_000 + number * 1_000,
                    "averageLikes": 600.0,
                    "averageComments": 40.0,
                },
            }
            await self.as_creator(
                name,
                "matching",
                "RegisterCreator",
                creatorId=name,
                displayName=name.capitalize(),
                country="FR",
                languages=["fr"],
                categories=["beauty"],
                accounts=[account],
            )
        await self.world.settle()

    async def brand_publishes(self) -> None:
        """Registers, writes a campaign and publishes it."""
        brand = {"displayName": "Lumen", "country": "FR"}
        await self.as_brand("campaign", "RegisterBrand", brandId="lumen", brand=brand)
        self.campaign = (await self.as_brand("campaign", "CreateCampaign", campaign=CAMPAIGN)).name
        await self.as_brand("campaign", "PublishCampaign", name=self.campaign)
        later = {"name": self.campaign, "endTime": day(91)}
        await self.as_brand("campaign", "UpdateCampaign", campaign=later)
        for change in ("GrantAgency", "RevokeAgency"):
            await self.as_brand("campaign", change, name=BRAND, agency="agencies/nova")
        await self.world.settle()

    async def creators_come(self) -> None:
        """Six apply, two are invited; the brand chooses; hugo waits in vain."""
        for name in ("anna", "bea", "emil", "fred", "gina", "hugo"):
            about = {"campaign": self.campaign, "creator": f"creators/{name}"}
            await self.as_creator(name, "campaign", "ApplyToCampaign", message="Bonjour !", **about)
        invitations = [{"creator": f"creators/{name}", "message": "Vos reels !"} for name in ("carl", "dora")]
        await self.as_brand("campaign", "InviteCreators", campaign=self.campaign, invitations=invitations)
        await self.world.settle()
        await self.as_brand("campaign", "PreselectApplication", name=self.collaboration("anna"))
        for name in ("anna", "emil", "fred", "gina"):
            await self.as_brand("campaign", "AcceptApplication", name=self.collaboration(name), comment="Bienvenue")
        reasons = ["DECLINE_REASON_AUDIENCE"]
        await self.as_brand("campaign", "DeclineApplication", name=self.collaboration("bea"), reasons=reasons)
        for name, answer in (("carl", "INVITATION_ANSWER_ACCEPT"), ("dora", "INVITATION_ANSWER_DECLINE")):
            about = {"name": self.collaboration(name), "answer": answer}
            await self.as_creator(name, "campaign", "RespondToInvitation", **about)
        await self.as_brand("campaign", "WaitlistApplication", name=self.collaboration("hugo"), comment="Bientôt ?")
        await self.world.settle()
        leaving = {"name": self.collaboration("emil"), "reason": "Plus le temps"}
        await self.as_creator("emil", "campaign", "WithdrawCollaboration", **leaving)
        await self.world.settle()
        later = {"name": self.campaign, "endTime": day(92)}
        await self.as_brand("campaign", "UpdateCampaign", campaign=later)
        await self.world.settle()

    async def parcels_go(self) -> None:
        """To those who were accepted; gina's first one is lost, and fred confirms late that his came."""
        await self.ship("anna", "carl", "fred", "gina")
        await self.as_creator("gina", "campaign", "ReportLoss", name=self.collaboration("gina"), reason="Vide")
        await self.ship("gina")
        await self.receive("anna", "carl", "gina")
        await self.world.advance(8 * DAY)
        await self.receive("fred")

    async def ship(self, *creators: str) -> None:
        for name in creators:
            parcel = {"carrier": "La Poste", "trackingNumber": "1Z"}
            await self.as_brand("campaign", "ShipParcel", name=self.collaboration(name), **parcel)
        await self.world.settle()

    async def receive(self, *creators: str) -> None:
        for name in creators:
            await self.as_creator(name, "campaign", "ConfirmReceipt", name=self.collaboration(name))
        await self.world.settle()

    async def submit(self, creator: str, caption: str) -> str:
        """Content for the only deliverable; returns the submission's name."""
        content = {
            "caption": caption,
            "language": "fr",
            "media": [{"url": f"https://media.example/{creator}.mp4"}],
            "paidPartnershipLabel": True,
        }
        about = {"collaboration": self.collaboration(creator), "content": content}
        submission = await self.as_creator(creator, "review", "SubmitContent", **about)
        await self.world.settle()
        return str(submission.name)

    async def content_is_reviewed(self) -> None:
        """anna corrects hers, gina's is refused, carl's is approved by the clock."""
        first = await self.submit("anna", "J'adore cette crème !")
        await self.as_brand("review", "RequestChanges", name=first, comment="Presque")
        await self.world.settle()
        second = await self.submit("anna", GOOD)
        await self.as_brand("review", "ApproveSubmission", name=second, comment="Parfait")
        refused = await self.submit("gina", "Une crème")
        await self.as_brand("review", "RejectSubmission", name=refused, reason="Hors sujet")
        await self.submit("carl", GOOD)
        await self.world.advance(11 * DAY)

    async def content_is_published(self) -> None:
        """By anna and carl; fred lets his days pass."""
        for name in ("anna", "carl"):
            post = {"name": self.collaboration(name), "url": f"https://instagram.example/p/{name}"}
            await self.as_creator(name, "campaign", "ReportPublication", **post)
        await self.world.settle()

    async def people_talk(self) -> None:
        """The brand keeps a shortlist, has a webhook that is gone, and writes to anna, who answers, and to many."""
        creators = [f"creators/{name}" for name in ("anna", "carl")]
        shortlist = {"displayName": "Favourites", "creators": creators}
        favourites = await self.as_brand("matching", "CreateShortlist", parent=BRAND, shortlist=shortlist)
        contact = {"locale": "fr-FR", "timeZone": "Europe/Paris", "emailEnabled": True}
        of_brand = contact | {"name": f"{BRAND}/contact", "email": "team@lumen.example"}
        await self.as_brand("messaging", "UpdateContact", contact=of_brand)
        webhook = {"url": "https://hooks.lumen.example/entente"}
        await self.as_brand("messaging", "CreateWebhook", parent=BRAND, webhook=webhook)
        of_anna = contact | {"name": "creators/anna/contact", "email": "anna@mail.example"}
        await self.as_creator("anna", "messaging", "UpdateContact", contact=of_anna)
        conversation = f"conversations/{self.campaign.partition('/')[2]}~anna"
        await self.as_brand("messaging", "SendMessage", parent=conversation, text="Tout va bien ?")
        await self.world.settle()
        await self.world.advance(DAY)
        await self.as_creator("anna", "messaging", "SendMessage", parent=conversation, text="Très bien !")
        await self.world.settle()
        await self.brand_writes_to_many({"shortlist": favourites.name})
        await self.brand_writes_to_many({"stage": {"campaign": self.campaign, "states": ["SHIPMENT_PENDING"]}})

    async def brand_writes_to_many(self, audience: Fields) -> None:
        """To a shortlist, or to those at a stage of the campaign."""
        bulk = {
            "audience": audience,
            "occasion": "OCCASION_BROADCAST",
            "subject": "Un mot de {{ brand_name }}",
            "body": "Merci d'être là !",
            "brandDisplayName": "Lumen",
        }
        await self.as_brand("messaging", "CreateBulk", parent=BRAND, bulk=bulk)
        await self.world.advance(DAY / 24)

    async def visitors_buy(self) -> None:
        """One clicks; one sale comes by link, which is given back, and one by code; the post's figures are reported."""
        of_anna = {"collaboration": self.collaboration("anna")}
        link = of_anna | {"destinationUrl": "https://shop.example/lumiere"}
        code = (await self.as_brand("analytics", "CreateTrackedLink", trackedLink=link)).name.partition("/")[2]
        await self.click(code)
        now = self.world.clock.now().isoformat()
        sale = {"brand": BRAND, "amount": euros(60), "orderTime": now}
        touches = [{"linkCode": code, "touchTime": now}]
        await self.as_brand("analytics", "RecordConversion", orderId="o-1", touches=touches, **sale)
        await self.as_brand("analytics", "RecordConversion", orderId="o-2", promoCode="ANNA10", **sale)
        await self.as_brand("analytics", "CreatePromoCode", promoCode=of_anna | {"code": "ANNA10"})
        refund = {"brand": BRAND, "orderId": "o-1", "refundId": "r-1", "amount": euros(60), "refundTime": now}
        await self.as_brand("analytics", "RecordRefund", **refund)
        figures = {"reach": 9_000, "impressions": 12_000, "likes": 700, "comments": 40}
        post = of_anna | {"postUrl": "https://instagram.example/p/anna", "measureTime": now}
        await self.as_brand("analytics", "ReportContentMetrics", figures=figures, **post)
        abroad = {
            "collaboration": self.collaboration("carl"),
            "postUrl": "https://instagram.example/p/carl",
            "measureTime": now,
            "audience": {"countries": [{"code": "BR", "weight": 0.9}, {"code": "FR", "weight": 0.05}]},
        }
        await self.as_brand("analytics", "ReportContentMetrics", figures={"reach": 90_000}, **abroad)
        await self.world.settle()

    async def click(self, code: str) -> None:
        """Follow a tracked link, as a browser does."""
        transport = httpx.ASGITransport(self.world.runtimes["analytics"].apps[0])
        headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
        async with httpx.AsyncClient(transport=transport, base_url="http://go.example", headers=headers) as browser:
            answer = await browser.get(f"/r/{code}")
        assert answer.is_redirect, answer.status_code
        await self.world.until_published("LinkClicked")

    async def another_is_cancelled(self) -> None:
        """A second campaign is called off: bea, with her contract, goes; dora, who disputes, is heard all the same."""
        first = self.campaign
        self.campaign = (await self.as_brand("campaign", "CreateCampaign", campaign=CAMPAIGN)).name
        await self.as_brand("campaign", "PublishCampaign", name=self.campaign)
        await self.world.settle()
        for name in ("bea", "dora"):
            about = {"campaign": self.campaign, "creator": f"creators/{name}"}
            await self.as_creator(name, "campaign", "ApplyToCampaign", **about)
            await self.as_brand("campaign", "AcceptApplication", name=self.collaboration(name))
        await self.as_creator("dora", "campaign", "OpenDispute", name=self.collaboration("dora"), reason="Droits")
        await self.agree_with_bea()
        await self.as_brand("campaign", "CancelCampaign", name=self.campaign, reason="Rupture")
        await self.world.settle()
        self.campaign = first

    async def agree_with_bea(self) -> None:
        """The brand offers a contract, and bea accepts it."""
        clauses = {
            "language": "fr",
            "startTime": (self.world.clock.now() + DAY).isoformat(),
            "endTime": (self.world.clock.now() + 90 * DAY).isoformat(),
            "disputeForum": "DISPUTE_FORUM_MEDIATION",
            "governingLaw": "FR",
        }
        whose = {"collaboration": self.collaboration("bea")}
        offered = await self.as_brand("campaign", "OfferContract", clauses=clauses, comment="Voilà", **whose)
        last = offered.versions[-1]
        await self.as_creator("bea", "campaign", "AcceptContract", version=last.version, sha256=last.sha256, **whose)

    async def it_ends(self) -> None:
        """Who published is rated and paid, one after a dispute; the rest expires; the campaign ends and is put away."""
        disputed = {"name": self.collaboration("carl"), "reason": "Droits"}
        await self.as_creator("carl", "campaign", "OpenDispute", **disputed)
        await self.as_operator("campaign", "ResolveDispute", outcome="DISPUTE_OUTCOME_RESUME", **disputed)
        criteria = ("audienceRelevance", "contentQuality", "engagement", "professionalism", "deadlines", "transparency")
        for name in ("anna", "carl"):
            await self.as_brand("campaign", "CompleteCollaboration", name=self.collaboration(name))
            ratings = dict.fromkeys(criteria, 4)
            await self.as_brand("campaign", "RateCollaboration", name=self.collaboration(name), ratings=ratings)
        await self.as_brand("campaign", "PauseCampaign", name=self.campaign, reason="Stock")
        await self.as_brand("campaign", "ResumeCampaign", name=self.campaign)
        await self.world.advance(61 * DAY)
        await self.as_brand("campaign", "CompleteCampaign", name=self.campaign)
        export = await self.as_brand("campaign", "CreatePayableExport", parent=BRAND)
        await self.as_brand("campaign", "MarkPayableExportPaid", name=export.name)
        await self.as_brand("campaign", "ArchiveCampaign", name=self.campaign)
        await self.as_operator("messaging", "ErasePersonalData", person="creators/bea", reason="case 1")
        await self.world.settle()

    async def tell(self) -> None:
        """From beginning to end."""
        await self.creators_register()
        await self.brand_publishes()
        await self.creators_come()
        await self.people_talk()
        await self.parcels_go()
        await self.content_is_reviewed()
        await self.content_is_published()
        await self.visitors_buy()
        await self.another_is_cancelled()
        await self.it_ends()


@dataclass
class Told:
    """How a story ended: what was published, what arrived where, what was refused, and what each service holds."""

    published: list[Outgoing]
    arrived: dict[tuple[str, str], list[Message]]
    refused: list[tuple[str, str, str]]
    states: States


def tell(
    folder: Path, change: Callable[[str, Message], None] = lambda service, message: None, *, copies: int = 1
) -> Told:
    """Tell the story to new services.

    Args:
        folder: for keys and files.
        change: changes an event on its way to a service.
        copies: how often each event is delivered.
    """
    arrived: dict[tuple[str, str], list[Message]] = {}

    def on_the_way(service: str, message: Message) -> None:
        arrived.setdefault((service, message.DESCRIPTOR.full_name), []).append(message)
        change(service, message)

    async def told() -> Told:
        async with running(folder, change=on_the_way, copies=copies) as world:
            await Story(world).tell()
            return Told(world.bus.published, arrived, world.refused, await world.states())

    return asyncio.run(told())
