"""A campaign's end report as one self-contained page: no script, no address to load anything from."""

import html
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from entente.analytics.v1.service_pb2 import CampaignReport, CreatorKpis, Kpis, ObjectiveProgress, ObjectiveStatus
from entente.type.v1.type_pb2 import ObjectiveMetric, Platform
from entente_cli.output import money, word

_INK, _ACCENT, _SOFT, _GOOD = "#22303c", "#d1495b", "#9aa5b1", "#2a9d8f"
_RATES = {"engagement rate", "roi"}


def write(report: CampaignReport, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(report), encoding="utf-8")


def page(report: CampaignReport) -> str:
    """The page as HTML."""
    sections = [
        _header(report),
        _objective(report.objective) if report.HasField("objective") else "",
        _tiles(report.kpis.total),
        _figure("From the first contact to the sale", _funnel(report)),
        _figure("Day by day", _days(report)),
        _figure("Reach by creator, and the part of it in the target audience", _reach(report)),
        _creators(report.kpis.creators),
        _figure("What it cost and what it brought, by creator", _cost_and_return(report)),
        _costs(report),
        _posts(report),
        _notes(report),
    ]
    body = "\n".join(section for section in sections if section)
    title = f"{report.title} — {report.brand_display_name}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _header(report: CampaignReport) -> str:
    period = " — ".join(
        time.ToDatetime().strftime("%d %b %Y")
        for time, known in (
            (report.start_time, report.HasField("start_time")),
            (report.end_time, report.HasField("end_time")),
        )
        if known
    )
    return (
        f"<header><p class=brand>{_text(report.brand_display_name)}</p><h1>{_text(report.title)}</h1>"
        f"<p>{_text(period)} · {_text(report.state.replace('_', ' ').lower())}</p></header>"
    )


def objective_sentence(objective: ObjectiveProgress) -> str:
    """How the objective stands, in words."""
    metric = word(ObjectiveMetric, objective.metric)
    value = _amount(objective, objective.value) if objective.HasField("value") else "not measured"
    share = ""
    if objective.HasField("progress_basis_points"):
        share = f" ({objective.progress_basis_points / 100:.0f} %)"
    estimated = ", an estimate" if objective.estimated else ""
    return f"{metric}: {value} of {_amount(objective, objective.target)}{share}{estimated}"


def kpi_rows(kpis: Kpis) -> list[tuple[str, str]]:
    """The key figures as people read them; "—" where one is not defined."""
    estimate = " ≈" if kpis.reach_in_target_estimated else ""
    return [
        ("reach", _count(kpis, "reach")),
        ("reach in target", _count(kpis, "reach_in_target") + estimate),
        ("impressions", _count(kpis, "impressions")),
        ("views", _count(kpis, "views")),
        ("engagements", _count(kpis, "engagements")),
        ("engagement rate", _rate(kpis, "engagement_rate_basis_points")),
        ("clicks", _count(kpis, "clicks")),
        ("click-through rate", _rate(kpis, "click_through_rate_basis_points")),
        ("conversions", _count(kpis, "conversions")),
        ("conversion rate", _rate(kpis, "conversion_rate_basis_points")),
        ("revenue", _money(kpis, "revenue")),
        ("average order", _money(kpis, "average_order_value")),
        ("new customers", _count(kpis, "new_customers")),
        ("cost", _money(kpis, "cost")),
        ("CPM", _money(kpis, "cpm")),
        ("CPC", _money(kpis, "cpc")),
        ("CPE", _money(kpis, "cpe")),
        ("CPA", _money(kpis, "cpa")),
        ("ROI", _rate(kpis, "roi_basis_points")),
    ]


def _objective(objective: ObjectiveProgress) -> str:
    status = word(ObjectiveStatus, objective.status)
    kind = {"met": "good", "on track": "good", "missed": "bad"}.get(status, "open")
    share = (
        min(max(objective.progress_basis_points / 100, 0), 100) if objective.HasField("progress_basis_points") else 0
    )
    deadline = objective.deadline.ToDatetime().strftime("%d %b %Y")
    return (
        f'<section class="objective {kind}"><h2>Objective: {_text(status)}</h2>'
        f"<p>{_text(objective_sentence(objective))}, by {deadline}</p>"
        f'<div class=bar><div style="width:{share:.1f}%"></div></div></section>'
    )


def _tiles(kpis: Kpis) -> str:
    tiles = "".join(f"<div><b>{_text(value)}</b><span>{_text(name)}</span></div>" for name, value in kpi_rows(kpis))
    return f"<section class=tiles>{tiles}</section>"


def _creators(creators: Iterable[CreatorKpis]) -> str:
    rows = [
        (
            creator.creator_display_name or creator.creator,
            word(Platform, creator.platform),
            creator.state.replace("_", " ").lower(),
            _count(creator.kpis, "reach"),
            _count(creator.kpis, "reach_in_target"),
            _rate(creator.kpis, "engagement_rate_basis_points"),
            _count(creator.kpis, "clicks"),
            _count(creator.kpis, "conversions"),
            _money(creator.kpis, "revenue"),
            _money(creator.kpis, "cost"),
            _rate(creator.kpis, "roi_basis_points"),
        )
        for creator in creators
    ]
    columns = ["creator", "platform", "state", "reach", "in target", "engagement", "clicks", "sales", "revenue", "cost"]
    return _table("Creators", [*columns, "ROI"], rows)


def _costs(report: CampaignReport) -> str:
    rows = [
        (
            line.creator_display_name or line.collaboration,
            _money(line, "fee"),
            _money(line, "gift_value"),
            _money(line, "shipping_cost"),
            _money(line, "total"),
        )
        for line in report.costs
    ]
    return _table("Costs", ["creator", "fee", "gift", "shipping", "total"], rows)


def _posts(report: CampaignReport) -> str:
    rows = [
        (
            post.post_url,
            _count(post.figures, "reach"),
            _count(post.figures, "views"),
            _count(post.figures, "likes"),
            _count(post.figures, "comments"),
            _count(post.figures, "shares"),
        )
        for post in report.posts
    ]
    return _table("Posts", ["post", "reach", "views", "likes", "comments", "shares"], rows)


def _notes(report: CampaignReport) -> str:
    notes = "".join(f"<li>{_text(note)}</li>" for note in report.notes)
    made = report.compute_time.ToDatetime().strftime("%d %b %Y %H:%M UTC")
    return (
        f"<footer><h2>How to read this</h2><ul>{notes}</ul>"
        f"<p>Figures of {made}. “—” is not defined, never 0.</p></footer>"
    )


# -- plots ------------------------------------------------------------------------------------------------------------


def _funnel(report: CampaignReport) -> str:
    steps = [(step.step.replace("_", " ").lower(), step.count) for step in report.funnel if step.HasField("count")]
    if not steps:
        return ""

    def draw(axes: Any) -> None:
        names, counts = [name for name, _ in steps][::-1], [count for _, count in steps][::-1]
        # People, clicks and sales differ by orders of magnitude: each keeps its figure, the bars are on a root scale.
        bars = axes.barh(names, [count**0.5 for count in counts], color=_ACCENT, height=0.62)
        axes.bar_label(bars, labels=[f"{count:,}" for count in counts], padding=4, color=_INK)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.12)

    return _svg(draw, height=0.9 + 0.34 * len(steps))


def _days(report: CampaignReport) -> str:
    days = [day for day in report.kpis.days if day.day]
    if len(days) < 2:
        return ""

    def draw(axes: Any) -> None:
        labels = [day.day[5:] for day in days]
        axes.bar(labels, [day.kpis.clicks for day in days], color=_SOFT, label="clicks")
        axes.set_ylabel("clicks (bars)")
        revenue = axes.twinx()
        revenue.plot(
            labels, [day.kpis.revenue.minor_units / 100 for day in days], color=_ACCENT, marker="o", label="revenue"
        )
        revenue.set_ylabel(f"revenue {report.kpis.total.revenue.currency_code} (line)", color=_ACCENT)
        revenue.spines["top"].set_visible(False)
        step = max(1, len(labels) // 12)
        axes.set_xticks(range(0, len(labels), step), labels[::step])

    return _svg(draw, height=3)


def _reach(report: CampaignReport) -> str:
    creators = [creator for creator in report.kpis.creators if creator.kpis.reach]
    if not creators:
        return ""

    def draw(axes: Any) -> None:
        names = [creator.creator_display_name or creator.creator for creator in creators][::-1]
        axes.barh(names, [creator.kpis.reach for creator in creators][::-1], color=_SOFT, height=0.6, label="reach")
        axes.barh(
            names,
            [creator.kpis.reach_in_target for creator in creators][::-1],
            color=_GOOD,
            height=0.3,
            label="in target",
        )
        axes.legend(frameon=False, loc="lower right")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.locator_params(axis="x", nbins=6)

    return _svg(draw, height=1 + 0.34 * len(creators))


def _cost_and_return(report: CampaignReport) -> str:
    creators = [creator for creator in report.kpis.creators if creator.kpis.HasField("cost")]
    if not creators:
        return ""

    def draw(axes: Any) -> None:
        for creator in creators:
            cost, revenue = creator.kpis.cost.minor_units / 100, creator.kpis.revenue.minor_units / 100
            axes.scatter(cost, revenue, color=_GOOD if revenue >= cost else _ACCENT, s=42, zorder=3, clip_on=False)
            axes.annotate(
                creator.creator_display_name or creator.creator,
                (cost, revenue),
                (6, 4),
                textcoords="offset points",
                fontsize=8,
            )
        top = max(axes.get_xlim()[1], 1)
        axes.plot([0, top], [0, top], color=_SOFT, linestyle="--", linewidth=1)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        currency = report.kpis.total.cost.currency_code
        axes.set_xlabel(f"cost {currency}")
        axes.set_ylabel(f"revenue {currency}")

    return _svg(draw, height=3.4)


def _svg(draw: Callable[[Any], None], *, height: float) -> str:
    # Imported here: it takes a second and only reports need it. Without pyplot, so that no window system is asked for.
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Text stays text (readable, searchable) and ids are the same at every run.
    with mpl.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "entente", "font.family": "sans-serif", "font.size": 9}
    ):
        figure = Figure(figsize=(9, height), layout="constrained")
        axes = figure.add_subplot()
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0, colors=_INK)
        draw(axes)
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _figure(title: str, svg: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{svg}</section>" if svg else ""


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    lines = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<section><h2>{_text(title)}</h2><div class=wide><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div></section>"
    )


def _amount(objective: ObjectiveProgress, value: int) -> str:
    if objective.currency_code:
        return f"{value / 100:,.2f} {objective.currency_code}"
    if word(ObjectiveMetric, objective.metric) in _RATES:
        return f"{value / 100:.2f} %"
    return f"{value:,}"


def _count(message: Any, field: str) -> str:
    return f"{getattr(message, field):,}" if message.HasField(field) else "—"


def _rate(message: Any, field: str) -> str:
    return f"{getattr(message, field) / 100:,.2f} %" if message.HasField(field) else "—"


def _money(message: Any, field: str) -> str:
    return money(getattr(message, field)) if message.HasField(field) else "—"


def _text(value: str) -> str:
    return html.escape(value)


_STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;color:#22303c;max-width:960px;margin:2rem auto;padding:0 1rem}
header{border-bottom:3px solid #d1495b;margin-bottom:1.5rem}h1{margin:.1rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .5rem}
.brand{margin:0;text-transform:uppercase;letter-spacing:.08em;color:#67727e}
.objective{padding:.6rem 1rem 1rem;border-radius:8px;background:#f3f5f7}.objective h2{margin:.2rem 0}
.bar{height:10px;background:#dde2e7;border-radius:5px;overflow:hidden}.bar div{height:100%;background:#67727e}
.good .bar div{background:#2a9d8f}.bad .bar div{background:#d1495b}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:.6rem;margin:1.2rem 0}
.tiles div{padding:.5rem .7rem;border:1px solid #e3e7eb;border-radius:8px}.tiles b{display:block;font-size:1.05rem}
.tiles span{font-size:.8rem;color:#67727e}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:right;padding:.3rem .5rem;border-bottom:1px solid #e3e7eb}
th:first-child,td:first-child{text-align:left}
svg{max-width:100%;height:auto}footer{margin-top:2rem;border-top:1px solid #e3e7eb;font-size:.85rem;color:#67727e}
@media print{section{break-inside:avoid}}
"""
