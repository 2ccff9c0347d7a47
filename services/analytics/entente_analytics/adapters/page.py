"""A campaign's report as one self-contained page: no script, no address to load anything from."""

import html
import io
from collections.abc import Callable, Sequence
from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente.type.v1.type_pb2 import Platform
from entente_analytics.adapters.readable import (
    count,
    figures,
    money,
    objective_sentence,
    projection_sentence,
    rate,
    word,
)
from entente_analytics.domain.currencies import decimals

_INK, _ACCENT, _SOFT, _GOOD = "#22303c", "#c8404f", "#9aa5b1", "#22897c"
_MANY = 24


def page(report: pb.CampaignReport) -> str:
    """The page as HTML."""
    sections = [
        _header(report),
        _objective(report.objective) if report.HasField("objective") else "",
        _tiles(report.kpis.total),
        _figure("From the first contact to the sale", _funnel(report)),
        _figure("Day by day", _days(report)),
        _figure("Reach by creator, and the part of it in the target audience", _reach(report)),
        _figure("What each creator returned, and how sure that is", _ranking(report), report.ranking_method),
        _creators(report.kpis.creators),
        _comparisons(report),
        _figure("What it cost and what it brought, by creator", _cost_and_return(report)),
        _costs(report),
        _figure("What people said, and when content appeared", _said(report)),
        _posts(report),
        _notes(report),
    ]
    body = "\n".join(section for section in sections if section)
    title = f"{report.title} — {report.brand_display_name}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


def _header(report: pb.CampaignReport) -> str:
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


def _objective(objective: pb.ObjectiveProgress) -> str:
    status = word(pb.ObjectiveStatus, objective.status)
    kind = {"met": "good", "on track": "good", "missed": "bad", "at risk": "bad"}.get(status, "open")
    known = objective.HasField("progress_basis_points")
    share = min(max(objective.progress_basis_points / 100, 0), 100) if known else 0
    deadline = objective.deadline.ToDatetime().strftime("%d %b %Y")
    ahead = projection_sentence(objective)
    return (
        f'<section class="objective {kind}"><h2>Objective: {_text(status)}</h2>'
        f"<p>{_text(objective_sentence(objective))}, by {deadline}</p>"
        f'<div class=bar role=img aria-label="{share:.0f} %"><div style="width:{share:.1f}%"></div></div>'
        f"{f'<p class=small>{_text(ahead)}</p>' if ahead else ''}</section>"
    )


def _tiles(kpis: pb.Kpis) -> str:
    tiles = "".join(f"<div><b>{_text(value)}</b><span>{_text(name)}</span></div>" for name, value in figures(kpis))
    return f"<section class=tiles>{tiles}</section>"


def _creators(creators: Sequence[pb.CreatorKpis]) -> str:
    rows = [
        (
            creator.creator_display_name or creator.creator,
            word(Platform, creator.platform),
            creator.state.replace("_", " ").lower(),
            *_columns(creator.kpis),
        )
        for creator in creators
    ]
    return _table("Creators", ["creator", "platform", "state", *_COLUMNS], rows)


def _comparisons(report: pb.CampaignReport) -> str:
    tables = []
    for dimension in dict.fromkeys(each.dimension for each in report.comparisons):
        rows = [
            (
                each.code.replace("_", " ").lower() or "not known",
                f"{each.collaboration_count:,}",
                *_columns(each.kpis),
            )
            for each in report.comparisons
            if each.dimension == dimension
        ]
        name = word(pb.ComparisonDimension, dimension)
        if len(rows) > 1 or name == "tier":
            tables.append(_table(f"By {name}", [name, "creators", *_COLUMNS], rows))
    return "\n".join(tables)


_COLUMNS = ("reach", "in target", "engagement", "clicks", "sales", "revenue", "cost", "ROI")


def _columns(kpis: pb.Kpis) -> tuple[str, ...]:
    return (
        count(kpis, "reach"),
        count(kpis, "reach_in_target"),
        rate(kpis, "engagement_rate_basis_points"),
        count(kpis, "clicks"),
        count(kpis, "conversions"),
        money(kpis, "revenue"),
        money(kpis, "cost"),
        rate(kpis, "roi_basis_points"),
    )


def _costs(report: pb.CampaignReport) -> str:
    rows = [
        (
            line.creator_display_name or line.collaboration,
            money(line, "fee"),
            money(line, "gift_value"),
            money(line, "shipping_cost"),
            money(line, "total"),
        )
        for line in report.costs
    ]
    return _table("Costs", ["creator", "fee", "gift", "shipping", "total"], rows)


def _posts(report: pb.CampaignReport) -> str:
    rows = [
        (post.post_url, *(count(post.figures, name) for name in ("reach", "views", "likes", "comments", "shares")))
        for post in report.posts
    ]
    return _table("Posts", ["post", "reach", "views", "likes", "comments", "shares"], rows)


def _notes(report: pb.CampaignReport) -> str:
    notes = "".join(f"<li>{_text(note)}</li>" for note in report.notes)
    made = report.compute_time.ToDatetime().strftime("%d %b %Y %H:%M UTC")
    return (
        f"<footer><h2>How to read this</h2><ul>{notes}</ul>"
        f"<p>Figures of {made}. “—” is not defined, never 0.</p></footer>"
    )


# -- plots ------------------------------------------------------------------------------------------------------------


def _funnel(report: pb.CampaignReport) -> str:
    steps = [(step.step.replace("_", " ").lower(), step.count) for step in report.funnel if step.HasField("count")]
    if not steps:
        return ""

    def draw(axes: Any) -> None:
        names, counts = [name for name, _ in steps][::-1], [number for _, number in steps][::-1]
        # People, clicks and sales differ by orders of magnitude: each keeps its figure, the bars are on a root scale.
        bars = axes.barh(names, [number**0.5 for number in counts], color=_ACCENT, height=0.62)
        axes.bar_label(bars, labels=[f"{number:,}" for number in counts], padding=4, color=_INK)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.14)

    return _svg(draw, height=0.9 + 0.32 * len(steps))


def _days(report: pb.CampaignReport) -> str:
    days = [day for day in report.kpis.days if day.day]
    if len(days) < 2:
        return ""
    currency = report.kpis.total.revenue.currency_code

    def draw(axes: Any) -> None:
        labels = [day.day[5:] for day in days]
        axes.bar(labels, [day.kpis.clicks for day in days], color=_SOFT)
        axes.set_ylabel("clicks (bars)")
        revenue = axes.twinx()
        revenue.plot(labels, [_units(day.kpis.revenue) for day in days], color=_ACCENT, marker="o", markersize=3)
        revenue.set_ylabel(f"revenue {currency} (line)", color=_ACCENT)
        revenue.spines["top"].set_visible(False)
        step = max(1, len(labels) // 8)
        axes.set_xticks(range(0, len(labels), step), labels[::step])

    return _svg(draw, height=3)


def _reach(report: pb.CampaignReport) -> str:
    creators = [creator for creator in report.kpis.creators if creator.kpis.reach]
    creators = sorted(creators, key=lambda creator: -creator.kpis.reach)[:_MANY]
    if not creators:
        return ""

    def draw(axes: Any) -> None:
        shown = creators[::-1]
        names = [_short(creator.creator_display_name or creator.creator) for creator in shown]
        places = range(len(names))
        axes.barh(places, [creator.kpis.reach for creator in shown], color=_SOFT, height=0.6, label="reach")
        inside = [creator.kpis.reach_in_target for creator in shown]
        band = [
            [max(0, each - creator.kpis.reach_in_target_low) for each, creator in zip(inside, shown, strict=True)],
            [max(0, creator.kpis.reach_in_target_high - each) for each, creator in zip(inside, shown, strict=True)],
        ]
        axes.barh(
            places, inside, xerr=band, color=_GOOD, ecolor=_INK, capsize=2, height=0.3, label="in target, with its band"
        )
        axes.set_yticks(places, names)
        axes.legend(frameon=False, loc="lower right")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.locator_params(axis="x", nbins=5)

    return _svg(draw, height=1 + 0.32 * len(creators))


def _ranking(report: pb.CampaignReport) -> str:
    ranked = list(report.ranking)[:_MANY]
    if not any(each.revenue.minor_units for each in ranked):
        return ""

    def draw(axes: Any) -> None:
        shown = ranked[::-1]
        places = range(len(shown))
        revenue = [_units(each.revenue) for each in shown]
        spread = [
            [value - _units(each.revenue_low) for value, each in zip(revenue, shown, strict=True)],
            [_units(each.revenue_high) - value for value, each in zip(revenue, shown, strict=True)],
        ]
        axes.errorbar(revenue, places, xerr=spread, fmt="o", color=_GOOD, ecolor=_SOFT, capsize=3)
        axes.set_yticks(places, [f"{each.rank}. {_short(each.creator_display_name)}" for each in shown])
        axes.set_xlabel(f"revenue {ranked[0].revenue.currency_code}, with its 90 % interval")
        axes.set_xlim(left=0)

    return _svg(draw, height=1 + 0.32 * len(ranked))


def _cost_and_return(report: pb.CampaignReport) -> str:
    creators = [creator for creator in report.kpis.creators if creator.kpis.HasField("cost")]
    if not creators:
        return ""

    def draw(axes: Any) -> None:
        for creator in creators:
            cost, revenue = _units(creator.kpis.cost), _units(creator.kpis.revenue)
            axes.scatter(cost, revenue, color=_GOOD if revenue >= cost else _ACCENT, s=42, zorder=3, clip_on=False)
            name = _short(creator.creator_display_name or creator.creator)
            axes.annotate(name, (cost, revenue), (6, 4), textcoords="offset points", fontsize=8)
        top = max(axes.get_xlim()[1], 1)
        axes.plot([0, top], [0, top], color=_SOFT, linestyle="--", linewidth=1)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        currency = report.kpis.total.cost.currency_code
        axes.set_xlabel(f"cost {currency} (above the line more came back than was spent)")
        axes.set_ylabel(f"revenue {currency}")

    return _svg(draw, height=3.4)


def _said(report: pb.CampaignReport) -> str:
    said = {day.day: day.counts for day in report.sentiment_days}
    seen = {day.day: day.count for day in report.mentions}
    days = sorted({*said, *seen})
    if not days:
        return ""

    def draw(axes: Any) -> None:
        places = range(len(days))
        counts = [said.get(day, pb.SentimentCounts()) for day in days]
        above = [each.neutral + each.not_judged for each in counts]
        axes.bar(places, [each.positive for each in counts], bottom=above, color=_GOOD, label="positive")
        axes.bar(places, above, color=_SOFT, label="neutral")
        axes.bar(places, [-each.negative for each in counts], color=_ACCENT, label="negative")
        axes.plot(places, [seen.get(day, 0) for day in days], "D", color=_INK, markersize=4, label="posts published")
        axes.set_ylabel("comments")
        axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.14))
        step = max(1, len(days) // 8)
        axes.set_xticks(places[::step], [day[5:] for day in days[::step]])

    return _svg(draw, height=2.8)


def _svg(draw: Callable[[Any], None], *, height: float) -> str:
    # Imported here: it takes a second and only reports need it. Without pyplot, so that no window system is asked for.
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Text stays text (readable, searchable) and ids are the same at every run.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "entente", "font.family": "sans-serif", "font.size": 10}
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, height), layout="constrained")
        axes = figure.add_subplot()
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0, colors=_INK)
        draw(axes)
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _units(value: Any) -> float:
    return float(value.minor_units / 10 ** decimals(value.currency_code))


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"


def _figure(title: str, svg: str, caption: str = "") -> str:
    if not svg:
        return ""
    below = f"<p class=small>{_text(caption)}</p>" if caption else ""
    return f"<section><h2>{_text(title)}</h2><div class=plot>{svg}</div>{below}</section>"


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th scope=col>{_text(column)}</th>" for column in columns)
    lines = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<section><h2>{_text(title)}</h2><div class=wide><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div></section>"
    )


def _text(value: str) -> str:
    return html.escape(value)


_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:15px/1.5 system-ui,"DejaVu Sans",sans-serif;color:#22303c;margin:0;background:#fff}
main{max-width:960px;margin:2rem auto;padding:0 1rem}
header{border-bottom:3px solid #c8404f;margin-bottom:1.5rem}h1{margin:.1rem 0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:1.6rem 0 .5rem}.small{font-size:.85rem;color:#56616c;margin:.4rem 0 0}
.brand{margin:0;text-transform:uppercase;letter-spacing:.08em;color:#56616c}
.objective{padding:.6rem 1rem 1rem;border-radius:8px;background:#f3f5f7}.objective h2{margin:.2rem 0}
.bar{height:10px;background:#dde2e7;border-radius:5px;overflow:hidden}.bar div{height:100%;background:#67727e}
.good .bar div{background:#22897c}.bad .bar div{background:#c8404f}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:.6rem;margin:1.2rem 0}
.tiles div{padding:.5rem .7rem;border:1px solid #e3e7eb;border-radius:8px}.tiles b{display:block;font-size:1.05rem}
.tiles span{font-size:.8rem;color:#56616c}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:right;padding:.3rem .5rem;border-bottom:1px solid #e3e7eb;white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:7rem}
.plot{overflow-x:auto}svg{max-width:100%;height:auto;display:block}
footer{margin-top:2rem;border-top:1px solid #e3e7eb;font-size:.85rem;color:#56616c}
@media(max-width:600px){main{margin:1rem auto}.tiles{grid-template-columns:1fr 1fr}svg{min-width:560px}}
@page{size:A4;margin:14mm}
@media print{main{max-width:none;margin:0;padding:0}section{break-inside:avoid}.wide,.plot{overflow:visible}
table{font-size:.68rem}th,td{padding:.2rem .25rem}
.objective,.bar,.bar div{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
