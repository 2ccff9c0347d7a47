"""Key figures: exact, adding up, and undefined where nothing was measured."""

import csv
import io
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_analytics.adapters.exports import as_csv, as_parquet
from entente_analytics.adapters.reference import EcbRates, emv_table, tiers
from entente_analytics.domain import content
from entente_analytics.domain.audience import Assumption, Audience, Target, WeightedCode, in_target
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric, Objective
from entente_analytics.domain.content import Figures, Post
from entente_analytics.domain.currencies import NoRates, Rate, Rates
from entente_analytics.domain.kpis import Facts, Kpis, campaign_kpis
from entente_analytics.domain.links import Owner
from entente_analytics.domain.orders import Attribution, Order, Refund, Rule
from entente_analytics.domain.reports import Dimension, compared, figure_rows, ranking
from entente_analytics.domain.rollups import Bucket, new_bucket, sales_of
from entente_chassis.money import Money

START = datetime(2026, 3, 1, tzinfo=UTC)
ANNA, BELA = (f"campaigns/c/collaborations/{name}" for name in ("anna", "bela"))
OBJECTIVE = Objective(Metric.REACH_IN_TARGET, 1000, START + timedelta(days=30))
CAMPAIGN = Campaign(
    "campaigns/c", "brands/b", "B", "Spring", "RUNNING", "EUR", OBJECTIVE, Target(countries=("FR",)), START, None
)
FRENCH = Audience(countries=(WeightedCode("FR", 0.6), WeightedCode("BE", 0.2)))


def collaboration(name: str, **changes: object) -> Collaboration:
    made = Collaboration(
        name,
        "campaigns/c",
        "brands/b",
        f"creators/{name.rpartition('/')[2]}",
        "",
        "PUBLISHED",
        "INSTAGRAM",
        accepted=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def post(name: str, *reports: tuple[int, Figures], url: str = "https://p.example/1") -> Post:
    made: Post | None = None
    for day, figures in reports:
        changed = content.report(
            made,
            collaboration=name,
            url=url,
            platform="INSTAGRAM",
            figures=figures,
            at=START + timedelta(days=day),
            audience=None,
            now=START + timedelta(days=day),
            correction=True,
        )
        made = changed[0] if changed else made
    assert made is not None
    return made


def order(number: int, net: int, *, day: int = 0, of: str = ANNA, refunded: int = 0, currency: str = "EUR") -> Order:
    at = START + timedelta(days=day)
    return Order(
        "brands/b",
        f"o{number}",
        Money(currency, net + refunded),
        at,
        None,
        None,
        (),
        (Refund("r", Money(currency, refunded), at),) if refunded else (),
        Attribution(Rule.LAST_CLICK, "campaigns/c", of, "creators/x", "", "", "trackedLinks/l", at),
        at,
    )


def clicks(day: int, counted: int, *, of: str = ANNA) -> Bucket:
    owner = Owner("brands/b", "campaigns/c", of, "creators/x")
    bucket = new_bucket(owner, (START + timedelta(days=day)).date().isoformat())
    return replace(bucket, clicks={"l": {"1a": [counted + 3, counted, 1, 2]}})


def facts(
    collaborations: list[Collaboration] | None = None,
    posts: list[Post] | None = None,
    clicked: list[Bucket] | None = None,
    orders: list[Order] | None = None,
    *,
    tracked: tuple[str, ...] = (),
    campaign: Campaign | None = CAMPAIGN,
    rates: Rates | None = None,
) -> Facts:
    buckets = {bucket.name: bucket for bucket in clicked or []}
    for name in sorted({each.bucket for each in orders or []}):
        sold = [each for each in orders or [] if each.bucket == name]
        of = sold[0].attribution
        assert of is not None
        owner = Owner("brands/b", of.campaign, of.collaboration, of.creator)
        bucket = buckets.get(name) or new_bucket(owner, sold[0].ordered_at.date().isoformat())
        buckets[name] = replace(bucket, sales=sales_of(sold))
    owners = frozenset(Owner("brands/b", "campaigns/c", name, "creators/x") for name in tracked)
    return Facts(campaign, collaborations or [], posts or [], list(buckets.values()), owners, rates=rates or NoRates())


def test_nothing_measured_is_undefined_and_not_zero() -> None:
    total = campaign_kpis(facts([collaboration(ANNA)])).total

    counts = {"measured_posts", "published_posts", "reach_in_target_estimated", "assumptions"}
    counts |= {"unconverted_revenue", "unconverted_cost", "filtered_clicks", "rates"}
    assert {field.name: getattr(total, field.name) for field in fields(Kpis) if field.name not in counts} == {
        field.name: None for field in fields(Kpis) if field.name not in counts
    }


def test_a_link_without_clicks_has_zero_clicks_and_no_rates() -> None:
    total = campaign_kpis(facts([collaboration(ANNA, cost=Money("EUR", 100))], tracked=(ANNA,))).total

    assert (total.clicks, total.conversions, total.revenue) == (0, 0, Money("EUR", 0))
    assert (total.cpc, total.cpa, total.conversion_rate_basis_points, total.average_order_value) == (None,) * 4
    assert total.roi_basis_points == -10_000


def test_the_figures_of_a_campaign() -> None:
    total = campaign_kpis(
        facts(
            [collaboration(ANNA, audience=FRENCH, cost=Money("EUR", 15_000))],
            [post(ANNA, (1, Figures(reach=1_000, impressions=2_000, likes=40, comments=10)))],
            [clicks(1, 50)],
            [order(1, 12_000, day=1), order(2, 0, day=2, refunded=3_000), order(3, 8_000, day=2, refunded=1_000)],
            tracked=(ANNA,),
        )
    ).total

    assert (total.reach, total.reach_in_target, total.reach_in_target_estimated) == (1_000, 600, False)
    assert (total.engagements, total.engagement_rate_basis_points) == (50, 500)
    assert (total.clicks, total.bot_clicks, total.repeat_clicks) == (50, 1, 2)
    assert total.click_through_rate_basis_points == 250
    assert (total.conversions, total.conversion_rate_basis_points) == (2, 400)
    assert (total.revenue, total.average_order_value) == (Money("EUR", 20_000), Money("EUR", 10_000))
    assert total.cost == Money("EUR", 15_000)
    assert (total.cpm, total.cpc) == (Money("EUR", 7_500), Money("EUR", 300))
    assert (total.cpe, total.cpa) == (Money("EUR", 300), Money("EUR", 7_500))
    assert total.roi_basis_points == 3_333


def test_only_what_the_campaign_service_says_it_costs_is_cost() -> None:
    declined = collaboration(BELA, accepted=False, state="DECLINED", fee=Money("EUR", 900), cost=None)

    assert campaign_kpis(facts([collaboration(ANNA, cost=Money("EUR", 100)), declined])).total.cost == Money("EUR", 100)


def test_revenue_that_cannot_be_converted_is_told_apart_and_leaves_roi_undefined() -> None:
    total = campaign_kpis(
        facts([collaboration(ANNA, cost=Money("EUR", 100))], orders=[order(1, 500), order(2, 700, currency="USD")])
    ).total

    assert (total.revenue, total.unconverted_revenue) == (Money("EUR", 500), (Money("USD", 700),))
    assert total.roi_basis_points is None


def test_rates_compare_only_parts_that_have_both_terms() -> None:
    kpis = campaign_kpis(
        facts(
            [collaboration(ANNA), collaboration(BELA)],
            [
                post(ANNA, (1, Figures(reach=1_000, impressions=1_000, likes=100))),
                post(BELA, (1, Figures(likes=900)), url="https://p.example/2"),
            ],
            [clicks(1, 10), clicks(1, 90, of=BELA)],
            tracked=(ANNA, BELA),
        )
    )

    assert kpis.total.engagement_rate_basis_points == 1_000
    assert kpis.total.click_through_rate_basis_points == 100
    assert kpis.creators[BELA].engagement_rate_basis_points is None


def test_a_later_total_replaces_the_earlier_one_and_the_day_gets_the_difference() -> None:
    made = post(ANNA, (1, Figures(reach=100)), (2, Figures(reach=150)), (4, Figures(reach=140)))
    kpis = campaign_kpis(facts([collaboration(ANNA, audience=FRENCH)], [made]))

    assert kpis.total.reach == 140
    assert [day.reach for day in kpis.days.values()] == [100, 50, -10]


def test_the_main_country_without_its_share_is_taken_for_the_same_as_in_the_fit_score_and_has_a_band() -> None:
    main_only = Audience(countries=(WeightedCode("FR"),))
    total = campaign_kpis(facts([collaboration(ANNA, audience=main_only)], [post(ANNA, (1, Figures(reach=10)))])).total

    assert (total.reach_in_target, total.reach_in_target_estimated) == (6, True)
    assert (total.reach_in_target_low, total.reach_in_target_high) == (2, 10)
    assert total.assumptions == (Assumption.MAIN_CODE_SHARE,)


@pytest.mark.parametrize(
    ("audience", "target", "share", "assumptions"),
    [
        (FRENCH, Target(), 1.0, set()),
        (FRENCH, Target(countries=("FR", "BE")), 0.8, set()),
        (FRENCH, Target(countries=("IT",)), 0.0, set()),
        (Audience(), Target(countries=("FR",)), None, {Assumption.AUDIENCE_NOT_KNOWN}),
        (FRENCH, Target(countries=("FR",), ages=("25-34",)), 0.6, {Assumption.DIMENSION_NOT_KNOWN}),
        (
            replace(FRENCH, genders=(WeightedCode("FEMALE", 0.5),)),
            Target(countries=("FR",), genders=("FEMALE",)),
            0.3,
            {Assumption.INDEPENDENT_DIMENSIONS},
        ),
        (Audience(countries=(WeightedCode("IN"),)), Target(countries=("FR",)), 0.1, {Assumption.MAIN_CODE_SHARE}),
    ],
)
def test_the_share_of_an_audience_in_the_target(
    audience: Audience, target: Target, share: float | None, assumptions: set[Assumption]
) -> None:
    part = in_target(audience, target)

    assert part.share == (None if share is None else pytest.approx(share))
    assert part.assumptions == assumptions


@given(
    st.lists(
        st.tuples(st.sampled_from([ANNA, BELA]), st.integers(0, 5), st.integers(0, 9_999), st.integers(0, 999)),
        max_size=20,
    ),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5_000)), max_size=6),
)
def test_creators_and_days_add_up_to_the_total(
    sold: list[tuple[str, int, int, int]], read: list[tuple[int, int]]
) -> None:
    orders = [order(n, net, day=day, of=of, refunded=back) for n, (of, day, net, back) in enumerate(sold)]
    posts = [post(ANNA, *((day, Figures(reach=reach, likes=reach // 7)) for day, reach in read))] if read else []
    kpis = campaign_kpis(
        facts([collaboration(ANNA, audience=FRENCH), collaboration(BELA)], posts, [clicks(1, 5)], orders)
    )

    for part in (kpis.creators, kpis.platforms, kpis.days):
        for name in ("reach", "reach_in_target", "engagements", "clicks", "conversions"):
            known = [getattr(each, name) for each in part.values() if getattr(each, name) is not None]
            assert (sum(known) if known else None) == getattr(kpis.total, name), name
        revenue = [each.revenue.minor_units for each in part.values() if each.revenue]
        assert sum(revenue) == (kpis.total.revenue.minor_units if kpis.total.revenue else 0)


def test_an_older_report_only_fills_what_the_newer_does_not_have() -> None:
    newer = post(ANNA, (1, Figures(views=20)))
    changed = content.report(
        newer,
        collaboration=ANNA,
        url=newer.url,
        platform="INSTAGRAM",
        figures=Figures(views=10, likes=3),
        at=START + timedelta(days=1),
        audience=None,
        now=START + timedelta(days=1),
    )
    assert changed is not None
    corrected = changed[0]
    older = content.report(
        replace(newer, readings={"2026-03-02": content.Reading(START + timedelta(days=1, hours=2), Figures(views=20))}),
        collaboration=ANNA,
        url=newer.url,
        platform="INSTAGRAM",
        figures=Figures(views=10, likes=3),
        at=START + timedelta(days=1),
        audience=None,
        now=START + timedelta(days=2),
    )
    assert older is not None

    assert corrected.latest() == Figures(views=10, likes=3)
    assert older[0].latest() == Figures(views=20, likes=3)


def test_figures_until_a_moment_leave_out_what_came_later() -> None:
    made = post(ANNA, (1, Figures(reach=100)), (9, Figures(reach=900)))
    late = facts(
        [collaboration(ANNA)], [made], [clicks(1, 5), clicks(9, 50)], [order(1, 7, day=1), order(2, 70, day=9)]
    )

    total = campaign_kpis(late, until=START + timedelta(days=2)).total

    assert (total.reach, total.clicks, total.revenue) == (100, 5, Money("EUR", 7))


def test_without_the_campaign_itself_money_is_undefined_and_counts_are_not() -> None:
    total = campaign_kpis(facts(clicked=[clicks(1, 5)], orders=[order(1, 7)], campaign=None)).total

    assert (total.clicks, total.conversions, total.revenue) == (5, 1, None)
    assert total.unconverted_revenue == (Money("EUR", 7),)


class OneRate:
    """A dollar is 0.9 euros on every day, and a yen 0.006."""

    def rate(self, source: str, target: str, day: date) -> Rate | None:
        values = {"USD": Decimal("0.9"), "JPY": Decimal("0.006")}
        return Rate(source, target, day, values[source], "test") if source in values and target == "EUR" else None


def test_other_currencies_count_at_the_rate_of_their_day_and_the_figures_name_it() -> None:
    orders = [
        order(1, 500),
        order(2, 701, currency="USD"),
        order(3, 1_000, currency="JPY"),
        order(4, 9, currency="XXX"),
    ]
    costs = [collaboration(ANNA, cost=Money("USD", 1_000))]

    kpis = campaign_kpis(facts(costs, orders=orders, rates=OneRate()))

    # 701 cents of a dollar are 630.9 of a euro, 1,000 yen are 600 cents.
    assert kpis.total.revenue == Money("EUR", 500 + 631 + 600)
    assert kpis.total.unconverted_revenue == (Money("XXX", 9),)
    assert (kpis.total.cost, kpis.total.roi_basis_points) == (Money("EUR", 900), None)
    assert {rate.source for rate in kpis.total.rates} == {"USD", "JPY"}
    revenue = [day.revenue for day in kpis.days.values() if day.revenue]
    assert sum(each.minor_units for each in revenue) == kpis.total.revenue.minor_units


def test_the_central_banks_rates_are_those_of_the_last_working_day_and_cross_through_the_euro() -> None:
    rates = EcbRates()

    sunday = rates.rate("USD", "EUR", date(2025, 3, 9))
    crossed = rates.rate("USD", "JPY", date(2025, 3, 7))

    assert sunday is not None
    assert crossed is not None
    # The ECB quoted 1 EUR = 1.0857 USD and 160.35 JPY on 7 March 2025.
    assert (sunday.day, sunday.provider) == (date(2025, 3, 7), "ECB")
    assert sunday.convert(10_857) == 10_000
    assert crossed.convert(10_857) == 16_035
    assert rates.rate("USD", "XXX", date(2025, 3, 7)) is None


def test_earned_media_value_comes_from_the_published_table_with_its_band_and_is_in_no_return() -> None:
    made = post(ANNA, (1, Figures(views=10_000, likes=100)))
    with_table = replace(facts([collaboration(ANNA, cost=Money("EUR", 100))], [made]), emv=emv_table(START.date()))

    total = campaign_kpis(with_table).total

    assert total.emv is not None
    assert (total.emv.table_version, total.emv.low, total.emv.value, total.emv.high) == (
        "emv-2026-01",
        Money("EUR", 4_600),
        Money("EUR", 8_200),
        Money("EUR", 14_000),
    )
    assert total.roi_basis_points is None
    assert campaign_kpis(facts([collaboration(ANNA)], [made])).total.emv is None


SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=3)


@given(SHARES, SHARES, st.booleans())
def test_the_share_in_target_lies_within_its_band(countries: list[float], genders: list[float], known: bool) -> None:
    audience = Audience(
        countries=tuple(WeightedCode(f"C{n}", share if known else None) for n, share in enumerate(countries)),
        genders=tuple(WeightedCode(f"G{n}", share) for n, share in enumerate(genders)),
    )
    part = in_target(audience, Target(countries=("C0",), genders=("G0",)))

    assert part.share is not None
    assert 0 <= part.low <= part.share <= part.high <= 1


def test_many_small_orders_rank_above_one_large_one_of_the_same_sum() -> None:
    orders = [order(n, 1_000, of=BELA) for n in range(20)] + [order(99, 20_000, of=ANNA)]
    ranked = ranking(facts([collaboration(ANNA), collaboration(BELA)], orders=orders))

    assert [(each.rank, each.collaboration) for each in ranked] == [(1, BELA), (2, ANNA)]
    assert ranked[0].revenue == ranked[1].revenue == Money("EUR", 20_000)
    assert ranked[0].revenue_low.minor_units == 20_000 - 7_356
    assert ranked[1].revenue_low.minor_units == 0


def test_creators_are_compared_by_tier_reward_and_platform_and_each_comparison_adds_up_to_the_total() -> None:
    gifted = collaboration(ANNA, followers=9_999, gift_value=Money("EUR", 50), cost=Money("EUR", 50))
    paid = collaboration(BELA, followers=10_000, platform="TIKTOK", fee=Money("EUR", 90), cost=Money("EUR", 90))
    made = facts([gifted, paid], orders=[order(1, 500), order(2, 700, of=BELA)])

    found = {dimension: compared([made], dimension, tiers()) for dimension in (Dimension.TIER, Dimension.COMPENSATION)}

    assert [(each.code, each.kpis.revenue) for each in found[Dimension.TIER]] == [
        ("MICRO", Money("EUR", 700)),
        ("NANO", Money("EUR", 500)),
    ]
    assert [(each.code, each.kpis.cost) for each in found[Dimension.COMPENSATION]] == [
        ("FIXED_FEE", Money("EUR", 90)),
        ("GIFTED", Money("EUR", 50)),
    ]


def test_exported_rows_add_up_to_the_totals_in_both_formats() -> None:
    made = facts(
        [collaboration(ANNA, audience=FRENCH, cost=Money("EUR", 70)), collaboration(BELA)],
        [post(ANNA, (1, Figures(reach=100)), (3, Figures(reach=150)))],
        [clicks(1, 50)],
        [order(1, 500), order(2, 700, of=BELA, day=1)],
        tracked=(ANNA,),
    )
    rows = figure_rows(made)
    text = list(csv.DictReader(io.StringIO(b"".join(as_csv(rows)).decode())))
    table = pq.read_table(io.BytesIO(b"".join(as_parquet(rows)))).to_pylist()
    total = campaign_kpis(made).total

    for name, wanted in (
        ("reach", total.reach),
        ("clicks", total.clicks),
        ("revenue_minor", total.revenue and total.revenue.minor_units),
        ("cost_minor", total.cost and total.cost.minor_units),
    ):
        assert sum(int(row[name] or 0) for row in text) == wanted, name
        assert sum(row[name] or 0 for row in table) == wanted, name
    assert len(text) == len(table) == len(rows)
