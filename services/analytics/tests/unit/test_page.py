"""The end report is one page that shows what is known and says what is not."""

import re
import xml.etree.ElementTree as ET

from entente.analytics.v1.service_pb2 import (
    OBJECTIVE_STATUS_AT_RISK,
    CampaignKpis,
    CampaignReport,
    CreatorKpis,
    DayKpis,
    FunnelStep,
    Kpis,
    ObjectiveProgress,
)
from entente.type.v1.type_pb2 import OBJECTIVE_METRIC_REVENUE, Money
from entente_analytics.adapters.page import page
from entente_analytics.adapters.readable import figures, objective_sentence


def report() -> CampaignReport:
    euros = Money(currency_code="EUR", minor_units=123456)
    total = Kpis(reach=1000, reach_in_target=0, clicks=12, revenue=euros, cost=euros)
    return CampaignReport(
        title="Sérum <b>Éclat</b>",
        brand_display_name="Maison Test",
        state="COMPLETED",
        objective=ObjectiveProgress(
            metric=OBJECTIVE_METRIC_REVENUE,
            target=200000,
            value=123456,
            progress_basis_points=6172,
            status=OBJECTIVE_STATUS_AT_RISK,
            currency_code="EUR",
        ),
        kpis=CampaignKpis(
            total=total,
            creators=[CreatorKpis(creator="creators/c1", creator_display_name="Léa & Co", kpis=total)],
            days=[DayKpis(day="2026-01-01", kpis=total), DayKpis(day="2026-01-02", kpis=Kpis(clicks=3))],
        ),
        funnel=[FunnelStep(step="ACCEPTED", count=3), FunnelStep(step="CLICKS")],
    )


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = page(report())
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#)[^"]', text.replace('xlink:href="#', 'href="#'))
    assert text.count("<svg") == 4


def test_what_people_wrote_cannot_become_markup() -> None:
    text = page(report())
    assert "Sérum &lt;b&gt;Éclat&lt;/b&gt;" in text
    assert "Léa &amp; Co" in text


def test_every_plot_is_well_formed() -> None:
    for svg in re.findall(r"<svg.*?</svg>", page(report()), re.DOTALL):
        ET.fromstring(svg)  # noqa: S314 (it is our own)


def test_the_same_report_gives_the_same_page() -> None:
    assert page(report()) == page(report())


def test_what_is_not_defined_is_not_shown_as_zero() -> None:
    rows = dict(figures(report().kpis.total))
    assert rows["reach in target"] == "0"
    assert rows["conversions"] == rows["ROI"] == "—"
    assert rows["revenue"] == "1,234.56 EUR"


def test_an_objective_in_money_is_told_in_its_currency() -> None:
    assert objective_sentence(report().objective) == "revenue: 1,234.56 EUR of 2,000.00 EUR (62 %)"


def test_a_campaign_of_which_nothing_is_known_yet_still_has_a_page() -> None:
    assert "<h1>Neuf</h1>" in page(CampaignReport(title="Neuf"))
