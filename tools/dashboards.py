"""Writes the dashboards of Grafana: `make dashboards`.

    python -m tools.dashboards [--check]

One overview of the suite, one for each service, one of the business. A service's own metrics get a panel each from the
catalogue, so that a new one is seen without anybody drawing it. With --check nothing is written.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from tools.metrics import PACKAGES, Metric, catalogue

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "k8s" / "components" / "monitoring" / "dashboards"
SERVICES = tuple(package.removeprefix("entente_") for package in PACKAGES if package != "entente_chassis")
SOURCE = DataSourceRef(type_val="prometheus", uid="${prometheus}")
_UNITS = {"seconds": "s", "bytes": "bytes", "days": "d"}

Query = tuple[str, str]
"""An expression, and what its lines are called."""


def panel(title: str, queries: Sequence[Query], *, unit: str = "short", why: str = "", width: int = 8) -> Panel:
    """Lines over time."""
    made = Panel().title(title).unit(unit).datasource(SOURCE).span(width).height(7).min(0)
    if why:
        made = made.description(why)
    for number, (expression, legend) in enumerate(queries):
        query = Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + number)).datasource(SOURCE)
        made = made.with_target(query.exemplar(True))
    return made


def dashboard(name: str, title: str) -> Dashboard:
    variable = DatasourceVariable("prometheus").type("prometheus").label("Prometheus")
    made = Dashboard(title).uid(f"entente-{name}").tags(["entente"]).refresh("30s").time("now-6h", "now")
    return made.timezone("browser").readonly().with_variable(variable)


def overview() -> Dashboard:
    """Whether users are well, then the bus: who publishes, who consumes, what waits; then what waits for people."""
    made = dashboard("overview", "Entente: overview").with_row(Row("Do users get what they may expect?"))
    for objective, title in (
        ("availability", "Calls that fail"),
        ("latency", "Slow calls"),
        ("freshness", "Late events"),
    ):
        expression = f"service:entente_{objective}_errors:ratio_rate1h"
        made = made.with_panel(panel(title, [(expression, "{{service}}")], unit="percentunit", why="In the last hour"))
    made = made.with_row(Row("The bus: who publishes, who consumes, what waits"))
    published = "sum by (service, topic) (rate(entente_outbox_published_events_total[5m]))"
    settled = "sum by (service, topic) (rate(entente_consumer_events_total[5m]))"
    lag = "sum by (service, topic) (entente_consumer_lag_records)"
    made = made.with_panel(panel("Published", [(published, "{{service}} → {{topic}}")], unit="ops"))
    made = made.with_panel(panel("Lag", [(lag, "{{topic}} → {{service}}")]))
    made = made.with_panel(panel("Consumed", [(settled, "{{topic}} → {{service}}")], unit="ops"))
    outbox = "max by (service) (entente_outbox_oldest_pending_seconds)"
    made = made.with_panel(panel("Oldest event not published", [(outbox, "{{service}}")], unit="s"))
    delay = "histogram_quantile(0.99, sum by (le, service) (rate(entente_consumer_delay_seconds_bucket[5m])))"
    made = made.with_panel(panel("Time until an event takes effect, 99 %", [(delay, "{{service}}")], unit="s"))
    back = "sum by (service) (entente_consumer_partitions_backing_off)"
    made = made.with_panel(panel("Partitions that back off", [(back, "{{service}}")]))
    made = made.with_row(Row("What waits for people, and what is late"))
    letters = "max by (service) (entente_dead_letters_pending)"
    made = made.with_panel(panel("Dead letters", [(letters, "{{service}}")]))
    late = "max by (service, collection) (entente_timers_late_seconds)"
    made = made.with_panel(panel("Timers late", [(late, "{{service}} {{collection}}")], unit="s"))
    return made.with_panel(panel("Replicas", [('sum by (service) (up{service!=""})', "{{service}}")]))


def of_service(service: str, metrics: Sequence[Metric]) -> Dashboard:
    """Rate, errors and duration of its calls; its events and writes; and all that it counts itself."""
    only = f'service="{service}"'
    calls = "rpc_server_call_duration_seconds"
    made = dashboard(service, f"Entente: {service}").with_row(Row("Calls"))
    rate = f"sum by (rpc_method) (rate({calls}_count{{{only}}}[5m]))"
    made = made.with_panel(panel("Rate", [(rate, "{{rpc_method}}")], unit="reqps"))
    status = "rpc_response_status_code"
    errors = f'sum by (rpc_method, {status}) (rate({calls}_count{{{only},{status}!="OK"}}[5m]))'
    made = made.with_panel(panel("Errors", [(errors, "{{rpc_method}} {{rpc_response_status_code}}")], unit="reqps"))
    slow = f"histogram_quantile(0.99, sum by (le, rpc_method) (rate({calls}_bucket{{{only}}}[5m])))"
    made = made.with_panel(panel("Duration, 99 %", [(slow, "{{rpc_method}}")], unit="s"))
    made = made.with_row(Row("Events, writes, timers, calls of others"))
    for metric in metrics:
        if metric.package == "entente_chassis" and not metric.name.startswith("rpc_server"):
            made = made.with_panel(of_metric(metric, only))
    made = made.with_row(Row(f"What {service} counts itself"))
    for metric in metrics:
        if metric.package == f"entente_{service}":
            made = made.with_panel(of_metric(metric, only))
    return made


def of_metric(metric: Metric, only: str) -> Panel:
    """A panel of one metric, drawn by its type."""
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or "all"
    by = f"by ({', '.join(metric.labels)}) " if metric.labels else ""
    unit = _UNITS.get(metric.unit, "short")
    if metric.type == "counter":
        expression, unit = f"sum {by}(rate({metric.name}{{{only}}}[5m]))", "ops"
    elif metric.type == "gauge":
        expression = f"max {by}({metric.name}{{{only}}})"
    else:
        buckets = f"sum by ({', '.join(('le', *metric.labels))}) (rate({metric.name}_bucket{{{only}}}[5m]))"
        expression = f"histogram_quantile(0.95, {buckets})"
    return panel(metric.name, [(expression, legend)], unit=unit, why=metric.sentence)


def business() -> Dashboard:
    """What the business asks each morning."""
    made = dashboard("business", "Entente: the business").with_row(Row("Campaigns and collaborations"))
    for title, name, label in (
        ("Campaigns, by the state they came to", "entente_campaign_steps_total", "state"),
        ("Collaborations, by step", "entente_collaboration_steps_total", "action"),
        ("Acceptances refused", "entente_campaign_acceptances_refused_total", "reason"),
        ("Reminders", "entente_campaign_reminders_total", "kind"),
        ("Submissions, by decision", "entente_review_decisions_total", "state"),
        ("Notifications", "entente_messaging_notifications_total", "occasion"),
        ("Clicks", "entente_analytics_clicks_taken_total", "verdict"),
        ("Conversions, by attribution", "entente_analytics_conversions_total", "rule"),
        ("Objectives, by the status they came to", "entente_analytics_objectives_changed_total", "status"),
    ):
        made = made.with_panel(panel(title, [(f"sum by ({label}) (increase({name}[1d]))", f"{{{{{label}}}}}")]))
    made = made.with_row(Row("How long people wait"))
    days = "sum by (le) (increase(entente_review_decision_days_bucket[7d]))"
    queries = [(f"histogram_quantile({share}, {days})", label) for share, label in ((0.5, "half"), (0.9, "90 %"))]
    return made.with_panel(panel("Days until a submission is decided on", queries, unit="d", width=12))


def dashboards() -> Iterator[tuple[str, Dashboard]]:
    """Every dashboard, with the name of its file."""
    metrics = catalogue()
    yield "overview", overview()
    yield "business", business()
    yield from ((service, of_service(service, metrics)) for service in SERVICES)


def files() -> dict[Path, str]:
    """Every file that is written here, and what it holds."""
    return {
        FOLDER / f"{name}.json": JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"
        for name, made in dashboards()
    }


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m tools.dashboards [--check]", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        if not arguments:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.relative_to(ROOT)} is not what the code says: run `make dashboards`", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
