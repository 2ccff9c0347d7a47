"""The report page in a real browser: nothing overflows on a phone or a screen, and it prints on pages."""

import asyncio
import re
from pathlib import Path

import pytest

from entente.analytics.v1 import service_pb2 as pb
from entente.type.v1.type_pb2 import OBJECTIVE_METRIC_REVENUE, PLATFORM_INSTAGRAM, Money
from entente_analytics.adapters.page import page

# Says in the title what a person would see: how wide the page is, what sticks out of it, how many plots have a size.
_LOOK = """<script>addEventListener("load",()=>{const w=document.documentElement.clientWidth;
const out=[...document.querySelectorAll("main>*")].filter(e=>e.getBoundingClientRect().right>w+1).length;
const plots=[...document.querySelectorAll("svg")].filter(e=>e.getBoundingClientRect().height>80).length;
document.title=`seen ${w} ${document.documentElement.scrollWidth} ${out} ${plots}`})</script></body>"""


pytestmark = pytest.mark.needs("chromium")


def report() -> pb.CampaignReport:
    """A campaign of twelve creators with everything that the page can show."""

    def euros(units: int) -> Money:
        return Money(currency_code="EUR", minor_units=units)

    made = pb.CampaignReport(title="Sérum Éclat : printemps", brand_display_name="Maison Test", state="RUNNING")
    creators = []
    for number in range(12):
        kpis = pb.Kpis(
            reach=10_000 * (number + 1),
            reach_in_target=6_000 * (number + 1),
            reach_in_target_low=2_000 * (number + 1),
            reach_in_target_high=9_000 * (number + 1),
            clicks=50 * number,
            conversions=number,
            revenue=euros(9_900 * number),
            cost=euros(25_000),
        )
        name = f"A creator with a long name {number}"
        creators.append(
            pb.CreatorKpis(creator_display_name=name, platform=PLATFORM_INSTAGRAM, state="PUBLISHED", kpis=kpis)
        )
        made.ranking.add(
            rank=number + 1,
            creator_display_name=name,
            revenue=euros(9_900 * (12 - number)),
            revenue_low=euros(4_900 * (12 - number)),
            revenue_high=euros(14_900 * (12 - number)),
        )
        made.costs.add(creator_display_name=name, fee=euros(25_000), total=euros(25_000))
        made.posts.add(post_url=f"https://instagram.example/p/{'x' * 60}{number}")
        made.sentiment_days.add(day=f"2026-03-{number + 1:02}", counts=pb.SentimentCounts(positive=number, negative=2))
        made.mentions.add(day=f"2026-03-{number + 1:02}", count=1)
    made.kpis.total.CopyFrom(creators[-1].kpis)
    made.kpis.creators.extend(creators)
    made.kpis.days.extend(pb.DayKpis(day=f"2026-03-{day:02}", kpis=creators[day % 12].kpis) for day in range(1, 29))
    for code in ("NANO", "MICRO", "MACRO"):
        made.comparisons.add(
            dimension=pb.COMPARISON_DIMENSION_TIER, code=code, collaboration_count=4, kpis=creators[3].kpis
        )
    made.funnel.extend(pb.FunnelStep(step=step, count=count) for step, count in (("ACCEPTED", 12), ("CLICKS", 3_300)))
    made.objective.CopyFrom(
        pb.ObjectiveProgress(
            metric=OBJECTIVE_METRIC_REVENUE,
            target=200_000,
            value=123_456,
            progress_basis_points=6_172,
            status=pb.OBJECTIVE_STATUS_AT_RISK,
            currency_code="EUR",
            projection=pb.Projection(value=180_000, low=150_000, high=210_000, confidence_basis_points=8_000),
        )
    )
    made.notes.append("A note on how to read this.")
    return made


async def run(*arguments: str) -> bytes:
    """Run the browser without a window."""
    process = await asyncio.create_subprocess_exec(
        "chromium",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=2000",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return output


@pytest.mark.parametrize("width", [500, 1_000], ids=["phone", "screen"])
async def test_the_page_fits_its_window_and_shows_its_plots(width: int, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(report()).replace("</body>", _LOOK))

    profile = f"--user-data-dir={tmp_path / 'profile'}"
    seen = await run(profile, f"--window-size={width},2000", "--dump-dom", file.as_uri())

    title = re.search(rb"<title>seen (\d+) (\d+) (\d+) (\d+)</title>", seen)
    assert title, seen[:500]
    inner, scrolled, out, plots = map(int, title.groups())
    assert (inner, scrolled, out, plots) == (width, width, 0, 6)


async def test_the_page_prints_on_a_few_sheets(tmp_path: Path) -> None:
    file, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    file.write_text(page(report()))

    profile = f"--user-data-dir={tmp_path / 'profile'}"
    await run(profile, f"--print-to-pdf={pdf}", "--no-pdf-header-footer", file.as_uri())

    sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf.read_bytes()))
    assert 3 <= sheets <= 8
