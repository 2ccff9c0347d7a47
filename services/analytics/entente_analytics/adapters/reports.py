"""Figures, progress and reports as the messages of the API."""

from datetime import datetime

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.adapters.messages import content_metrics, filtered, platform_number, sentiment
from entente_analytics.adapters.readable import figures, objective_sentence
from entente_analytics.application.queries import Report, is_estimated
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric
from entente_analytics.domain.kpis import Kpis
from entente_analytics.domain.objectives import Progress
from entente_analytics.domain.reports import RANKING_METHOD, Comparison, funnel, mentions, notes
from entente_analytics.domain.sentiment import added_up, by_day
from entente_chassis.protomap import to_proto


def campaign_kpis_message(report: Report, now: datetime) -> pb.CampaignKpis:
    """The figures of a campaign and its parts."""
    known = {collaboration.name: collaboration for collaboration in report.facts.collaborations}
    kpis = report.kpis
    return to_proto(
        pb.CampaignKpis,
        {
            "campaign": report.campaign.name,
            "total": kpis_message(kpis.total),
            "creators": [
                _creator(name, known.get(name)) | {"kpis": kpis_message(figures)}
                for name, figures in kpis.creators.items()
            ],
            "platforms": [
                {"platform": platform_number(platform), "kpis": kpis_message(figures)}
                for platform, figures in kpis.platforms.items()
            ],
            "deliverables": [
                {"collaboration": name, "deliverable": deliverable, "kpis": kpis_message(figures)}
                for (name, deliverable), figures in kpis.deliverables.items()
            ],
            "days": [{"day": day, "kpis": kpis_message(figures)} for day, figures in kpis.days.items()],
            "compute_time": now,
        },
    )


def kpis_message(kpis: Kpis) -> pb.Kpis:
    """Key figures."""
    return to_proto(
        pb.Kpis,
        {name: value for name, value in vars(kpis).items() if name != "rates"}
        | {
            "filtered_clicks": filtered(kpis.filtered_clicks),
            "earned_media_value": kpis.emv,
            "rates": [vars(rate) | {"value": format(rate.value, "f")} for rate in kpis.rates],
        },
    )


def comparison_message(comparison: Comparison) -> pb.Comparison:
    """The figures of those who have something in common."""
    return to_proto(pb.Comparison, vars(comparison) | {"kpis": kpis_message(comparison.kpis)})


def progress_message(campaign: Campaign, progress: Progress, estimated: bool, now: datetime) -> pb.ObjectiveProgress:
    """How far an objective is."""
    objective = progress.objective
    message = to_proto(
        pb.ObjectiveProgress,
        {
            "campaign": campaign.name,
            "metric": objective.metric,
            "target": objective.target,
            "value": progress.value,
            "progress_basis_points": progress.progress_basis_points,
            "pace_basis_points": progress.pace_basis_points,
            "status": progress.status,
            "estimated": estimated,
            "start_time": progress.start,
            "deadline": objective.deadline,
            "compute_time": now,
            "currency_code": campaign.currency if objective.metric is Metric.REVENUE else "",
            "projection": progress.projection,
        },
    )
    message.summary = objective_sentence(message)
    return message


def report_message(report: Report, now: datetime) -> pb.CampaignReport:
    """All that the report of a campaign shows."""
    campaign, progress = report.campaign, report.progress
    objective = None
    if progress is not None:
        objective = progress_message(campaign, progress, is_estimated(report.facts, progress), now)
    kpis = campaign_kpis_message(report, now)
    comments = report.facts.comments
    return to_proto(
        pb.CampaignReport,
        {
            "campaign": campaign.name,
            "title": campaign.title,
            "brand": campaign.brand,
            "brand_display_name": campaign.brand_display_name,
            "state": campaign.state,
            "start_time": campaign.start,
            "end_time": campaign.end,
            "target_audience": campaign.target,
            "objective": objective,
            "kpis": kpis,
            "readable_figures": [{"name": name, "value": value} for name, value in figures(kpis.total)],
            "sentiment": sentiment(added_up(post.total for post in comments)) if comments else None,
            "sentiment_days": [{"day": day, "counts": sentiment(counts)} for day, counts in by_day(comments)],
            "mentions": [{"day": day, "count": count} for day, count in mentions(report.facts).items()],
            "funnel": funnel(report.facts.collaborations, report.kpis.total),
            "costs": [_cost(collaboration) for collaboration in report.facts.collaborations if collaboration.cost],
            "posts": [content_metrics(post, "") for post in report.facts.posts],
            "notes": notes(report.kpis.total),
            "comparisons": [comparison_message(comparison) for comparison in report.comparisons],
            "ranking": report.ranking,
            "ranking_method": RANKING_METHOD if report.ranking else "",
            "compute_time": now,
        },
    )


def _creator(name: str, collaboration: Collaboration | None) -> dict[str, object]:
    if collaboration is None:
        return {"collaboration": name}
    return {
        "creator": collaboration.creator,
        "collaboration": name,
        "creator_display_name": collaboration.creator_display_name,
        "platform": platform_number(collaboration.platform),
        "followers": collaboration.followers,
        "state": collaboration.state,
    }


def _cost(collaboration: Collaboration) -> dict[str, object]:
    return {
        "collaboration": collaboration.name,
        "creator_display_name": collaboration.creator_display_name,
        "fee": collaboration.fee,
        "gift_value": collaboration.gift_value,
        "shipping_cost": collaboration.shipping_cost,
        "total": collaboration.cost,
    }
