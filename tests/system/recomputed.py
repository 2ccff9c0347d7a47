"""The figures of a campaign once more, by other means: DuckDB over the archive of raw events, and none of our code."""

from pathlib import Path
from typing import Any

import duckdb

from entente.analytics.v1 import service_pb2 as an

Row = dict[str, int]

_CLICKS = """
select collaboration,
       count(distinct (link, incarnation, n)) filter (verdict = 'COUNTED') as clicks,
       count(distinct (link, incarnation, n)) filter (verdict in ('BOT', 'PREFETCH', 'PREVIEW', 'PROBE')) as bot_clicks,
       count(distinct (link, incarnation, n)) filter (verdict = 'REPEAT') as repeat_clicks
from read_parquet($files, hive_partitioning = true) where campaign = $campaign group by collaboration
"""
_SALES = """
with orders as (
    select "order",
           arg_max(campaign, n) as campaign,
           arg_max(collaboration, n) as collaboration,
           max(amount_minor) filter (type in ('ConversionRecorded', 'ConversionAttributed')) as amount
    from read_parquet($files, hive_partitioning = true) group by "order"
), refunds as (
    select "order", sum(amount_minor) as refunded
    from (select distinct "order", refund_id, amount_minor from read_parquet($files, hive_partitioning = true)
          where type = 'ConversionRefunded')
    group by "order"
)
select collaboration,
       count(*) filter (amount > coalesce(refunded, 0)) as conversions,
       sum(amount - coalesce(refunded, 0)) as revenue
from orders left join refunds using ("order") where campaign = $campaign group by collaboration
"""
_READINGS = """
with latest as (
    select collaboration, post,
           arg_max(reach, measure_time) as reach,
           arg_max(views, measure_time) as views,
           arg_max(impressions, measure_time) as impressions,
           arg_max(likes, measure_time) + arg_max(comments, measure_time)
               + arg_max(shares, measure_time) + arg_max(saves, measure_time) as engagements
    from read_parquet($files, hive_partitioning = true) where campaign = $campaign group by collaboration, post
)
select collaboration, sum(reach) as reach, sum(views) as views, sum(impressions) as impressions,
       sum(engagements) as engagements
from latest group by collaboration
"""


def from_raw_events(archive: Path, campaign: str) -> dict[str, Row]:
    """Collaboration -> figures, as DuckDB makes them of the archived events."""
    found: dict[str, Row] = {}
    for dataset, query in (("clicks", _CLICKS), ("sales", _SALES), ("readings", _READINGS)):
        if not any((archive / dataset).glob("*/*.parquet")):
            continue
        given = {"files": f"{archive}/{dataset}/*/*.parquet", "campaign": campaign}
        result = duckdb.execute(query, given)
        names = [column[0] for column in result.description or []]
        for row in result.fetchall():
            values: dict[str, Any] = dict(zip(names, row, strict=True))
            found.setdefault(values.pop("collaboration"), {}).update({name: int(n) for name, n in values.items()})
    # What the service leaves out of a collaboration that had none of it is 0 here, too.
    return {name: {figure: n for figure, n in row.items() if n} for name, row in sorted(found.items())}


def from_report(report: an.CampaignReport) -> dict[str, Row]:
    """The same figures as the service reports them; what is not defined, or is 0, is left out."""
    names = ("clicks", "bot_clicks", "repeat_clicks", "conversions", "reach", "views", "impressions", "engagements")
    found = {}
    for creator in report.kpis.creators:
        row = {name: getattr(creator.kpis, name) for name in names}
        row["revenue"] = creator.kpis.revenue.minor_units
        row = {name: n for name, n in row.items() if n}
        if row:
            found[creator.collaboration] = row
    return dict(sorted(found.items()))
