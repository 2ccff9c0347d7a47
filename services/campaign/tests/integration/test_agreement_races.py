"""Contracts, meters and exports on a real database, with several replicas that race."""

import asyncio
from dataclasses import replace

from entente_campaign.application import acceptance, metering, payables
from entente_campaign.application.commands import contracts, parcels
from entente_campaign.application.stores import Stores
from entente_campaign.domain import collaborations as steps
from entente_campaign.domain import exports as exports_rules
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaigns import Campaign, Objective
from entente_campaign.domain.clauses import Clauses, DisputeForum
from entente_campaign.domain.collaborations import State
from entente_campaign.domain.events import Payable
from entente_campaign.domain.exports import ExportState
from entente_campaign.domain.words import Metric
from entente_chassis.auth import Caller, Role
from entente_chassis.money import Money
from entente_chassis.refusal import Refusal
from entente_chassis.store import Change
from services.campaign.tests.integration.test_races import BRAND, CREATOR, DAY, NOW, apply, open_campaign, replicas

BY_BRAND = Caller("accounts/lune", frozenset({Role.BRAND}), brands=frozenset({"brands/lune"}))
BY_CREATOR = Caller("accounts/creator", frozenset({Role.CREATOR}), creators=frozenset({"creators/c0"}))


async def french(stores: Stores, fee: int) -> Campaign:
    """A campaign of the same brand and objective in France."""
    campaign = await open_campaign(stores, room=5, budget=1_000_000, fee=fee)

    def change(state: Campaign | None) -> Change[Campaign]:
        assert state is not None
        return Change(replace(state, markets=("FR",), objective=Objective(Metric.CLICKS, 1, NOW + DAY)))

    return (await stores.campaigns.change(campaign.name, change)).state


async def test_acceptances_of_several_campaigns_that_race_are_all_counted_and_the_one_that_reaches_the_sum_waits(
    mongo_uri: str, database_name: str
) -> None:
    async with replicas(mongo_uri, database_name) as (made, _):
        campaigns = [await french(made[0], 30_000) for _ in range(5)]
        names = [(await apply(made[0], campaign, 1))[0] for campaign in campaigns]

        async def accept(number: int, name: str) -> None:
            await acceptance.accept(made[number % len(made)], name, comment="", actor=BRAND, request=None, etag=None)

        await asyncio.gather(*(accept(number, name) for number, name in enumerate(names)))
        found = [(await made[0].collaborations.require(name, what="collaboration")).state for name in names]
        needs = sorted(
            (each.contract_need.counted.minor_units, each.contract_need.required)
            for each in found
            if each.contract_need and each.contract_need.counted
        )
        # Whoever is counted fourth reaches 1,000 EUR, whichever of the five that is.
        assert needs == [(30_000, False), (60_000, False), (90_000, False), (120_000, True), (150_000, True)]
        assert sum(each.state is State.CONTRACT_PENDING for each in found) == 2
        (meter,) = await made[0].meters.find()
        assert meter.state.total == Money("EUR", 150_000)

        left = next(each for each in found if each.state is State.CONTENT_DUE)
        gone = replace(left, state=State.WITHDRAWN)
        await asyncio.gather(*(metering.keep(stores, gone) for stores in made for _ in range(2)))
        assert (await made[0].meters.require(meter.id, what="meter")).state.total == Money("EUR", 120_000)


async def test_both_sides_of_a_contract_that_race_with_a_counter_offer_end_with_one_text(
    mongo_uri: str, database_name: str
) -> None:
    async with replicas(mongo_uri, database_name) as (made, _):
        campaign = await french(made[0], 150_000)
        (name,) = await apply(made[0], campaign, 1)
        accepted = await acceptance.accept(made[0], name, comment="", actor=BRAND, request=None, etag=None)
        assert accepted.state.state is State.CONTRACT_PENDING
        clauses = Clauses(
            "fr",
            start_time=NOW,
            end_time=NOW + 60 * DAY,
            dispute_forum=DisputeForum.COURTS,
            governing_law="FR",
        )

        async def offer(stores: Stores, caller: Caller, fee: int) -> str:
            offered = await contracts.offer_contract(
                stores,
                caller,
                name,
                replace(clauses, fee=Money("EUR", fee)),
                comment="",
                request=None,
                etag=None,
            )
            return offered.state.last.sha256

        first = await offer(made[0], BY_BRAND, 150_000)

        async def accept(stores: Stores) -> str:
            try:
                await contracts.accept_contract(
                    stores, BY_CREATOR, name, version=1, sha256=first, request=None, etag=None
                )
            except Refusal as refusal:
                return refusal.reason
            return ""

        async def counter(stores: Stores) -> str:
            try:
                return await offer(stores, BY_CREATOR, 160_000)
            except Refusal as refusal:
                return refusal.reason

        said = await asyncio.gather(*(accept(each) for each in made), counter(made[-1]))
        contract = (await made[0].contracts.require(f"{name}/contract", what="contract")).state
        now = (await made[0].collaborations.require(name, what="collaboration")).state
        held = (await made[0].campaigns.require(campaign.name, what="campaign")).state.held["c0"]
        if contract.last.version == 2:
            assert set(said[:-1]) == {"CONTRACT_CHANGED"}
            assert now.state is State.CONTRACT_PENDING
        else:
            assert said.count("") == 1, "it is accepted once"
            assert (now.state, now.contract_sha256) == (State.CONTENT_DUE, first)
            assert held.amount == Money("EUR", 150_000)


async def owing(stores: Stores, count: int) -> list[str]:
    """Collaborations of a brand for which a fee is owed."""
    brand = Brand("brands/lune", "Maison Lune", "FR", "", NOW, NOW)
    await stores.brands.create_many([(brand.name, Change(brand))])
    campaign = await open_campaign(stores, room=1000, budget=1_000_000, fee=10)
    names = await apply(stores, campaign, count)

    async def owe(number: int, name: str) -> None:
        def change(state: steps.Collaboration | None) -> Change[steps.Collaboration]:
            assert state is not None
            payable = Payable(
                name,
                state.campaign,
                state.brand,
                state.creator,
                Money("EUR", 10 + number),
                Money("EUR", 10 + number),
                100,
                NOW + number * DAY,
                NOW,
            )
            return Change(replace(state, state=State.PUBLISHED, accept_time=NOW, payable=payable))

        await stores.collaborations.change(name, change)

    await asyncio.gather(*(owe(number, name) for number, name in enumerate(names)))
    return names


async def test_exports_that_race_and_break_off_share_nothing_and_forget_nothing(
    mongo_uri: str, database_name: str
) -> None:
    async with replicas(mongo_uri, database_name) as (made, clock):
        names = await owing(made[0], 30)

        # A process wrote its export, claimed five payables, and was gone.
        dead = exports_rules.begin(
            "brands/lune/payableExports/dead",
            brand="brands/lune",
            brand_display_name="Maison Lune",
            currency_code="EUR",
            candidates=names,
            bank_account_revision=0,
            execution_time=NOW,
            now=NOW,
        )
        await made[0].exports.create_many([(dead.name, Change(dead))])

        async def claim(name: str) -> None:
            def change(state: steps.Collaboration | None) -> Change[steps.Collaboration] | None:
                claimed = steps.claim(state, dead.name, NOW) if state else None
                return Change(claimed) if claimed else None

            await made[0].collaborations.change(name, change)

        await asyncio.gather(*(claim(name) for name in names[:5]))

        async def export(number: int) -> str:
            try:
                await payables.create_export(
                    made[number % len(made)],
                    BY_BRAND,
                    id=f"e{number}",
                    brand="brands/lune",
                    campaign="",
                    currency_code="EUR",
                    due_before=None,
                    execution_time=None,
                    request=None,
                )
            except Refusal as refusal:
                return refusal.reason
            return ""

        said = await asyncio.gather(*(export(number) for number in range(4)))
        assert set(said) <= {"", "NOTHING_TO_EXPORT"}
        clock.advance(DAY)
        due = await made[1].exports.due(clock.now(), 10)
        assert dead.name in [id for id, _ in due]
        await asyncio.gather(*(payables.resume(stores, id) for stores in made for id, _ in due))

        exports = [each.state for each in await made[0].exports.find()]
        assert all(each.state in (ExportState.READY, ExportState.VOID) for each in exports)
        lines = [line.collaboration for each in exports for line in each.lines]
        assert sorted(lines) == sorted(set(lines)), "nothing is paid twice"
        claimed = {
            each.id
            for each in await made[0].collaborations.find({"brand": "brands/lune"}, limit=100)
            if each.state.payable and each.state.payable.export
        }
        assert claimed == set(lines) == set(names), "nothing is forgotten"
        assert {line.collaboration for each in exports if each.name == dead.name for line in each.lines} >= set(
            names[:5]
        )


async def test_a_parcel_that_is_sent_again_by_two_people_at_once_is_held_and_counted_once(
    mongo_uri: str, database_name: str
) -> None:
    async with replicas(mongo_uri, database_name) as (made, _):
        campaign = await open_campaign(made[0], room=1, budget=100, fee=10)

        def gift(state: Campaign | None) -> Change[Campaign]:
            assert state is not None
            assert state.compensation is not None
            return Change(replace(state, compensation=replace(state.compensation, gift_value=Money("EUR", 40))))

        campaign = (await made[0].campaigns.change(campaign.name, gift)).state
        (name,) = await apply(made[0], campaign, 1)
        await acceptance.accept(made[0], name, comment="", actor=BRAND, request=None, etag=None)

        async def ship(stores: Stores) -> str:
            try:
                await parcels.ship(
                    stores,
                    BY_BRAND,
                    name,
                    carrier="C",
                    tracking_number="",
                    tracking_url="",
                    request=None,
                    etag=None,
                )
            except Refusal as refusal:
                return refusal.reason
            return ""

        async def lose(stores: Stores) -> None:
            def change(state: steps.Collaboration | None) -> Change[steps.Collaboration]:
                assert state is not None
                lost = steps.lose(state, reason="gone", actor=CREATOR, now=NOW)
                return Change(*lost)

            await stores.collaborations.change(name, change)

        assert await ship(made[0]) == ""
        await lose(made[0])
        said = await asyncio.gather(*(ship(stores) for stores in made for _ in range(2)))
        assert said.count("") == 1
        held = (await made[0].campaigns.require(campaign.name, what="campaign")).state.held["c0"]
        found = (await made[0].collaborations.require(name, what="collaboration")).state
        assert (held.amount, found.cost, found.parcels_sent) == (Money("EUR", 90), Money("EUR", 90), 2)
        await lose(made[0])
        assert await ship(made[0]) == "BUDGET_EXCEEDED", "a third would cost 130 of 100"
