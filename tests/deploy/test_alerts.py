"""Each alert is silent while all is well and tells exactly this when it is not; rules name only metrics that exist."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import alerts, metrics

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = ROOT / "deploy" / "observability"
# What Prometheus itself knows of each target.
OF_PROMETHEUS = {"up"}
CALLS = 'rpc_server_call_duration_seconds_{}{{service="campaign",rpc_method="x/Get"{}}}'
DELAY = 'entente_consumer_delay_seconds_{}{{service="review",topic="t"{}}}'


@dataclass(frozen=True)
class Case:
    """What is measured once a minute, when the alert must be silent, and when it says what."""

    alert: str
    series: dict[str, str]
    silent: str
    fires: str
    summary: str
    severity: str
    labels: dict[str, str] = field(default_factory=dict)
    page: str = ""

    def rule_test(self) -> dict[str, Any]:
        runbook = f"docs/runbooks/alerts.md#{(self.page or self.alert).lower()}"
        told = {
            "exp_labels": {"severity": self.severity, **self.labels},
            "exp_annotations": {"summary": self.summary, "runbook": runbook},
        }
        return {
            "name": self.alert,
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "alert_rule_test": [
                {"alertname": self.alert, "eval_time": self.silent, "exp_alerts": []},
                {"alertname": self.alert, "eval_time": self.fires, "exp_alerts": [told]},
            ],
        }


def calls(good: str, bad: str) -> dict[str, str]:
    return {
        CALLS.format("count", ',rpc_response_status_code="OK"'): good,
        CALLS.format("count", ',rpc_response_status_code="UNAVAILABLE"'): bad,
    }


def in_time(base: str, le: str, within: str, of: str) -> dict[str, str]:
    return {base.format("count", ""): of, base.format("bucket", f',le="{le}"'): within}


CAMPAIGN, REVIEW = {"service": "campaign"}, {"service": "review"}
CASES = [
    Case(
        "EntenteCallsFailFast",
        calls("0+90x130", "0x60 10+10x70"),
        "55m",
        "122m",
        "10% of the calls to campaign fail for a reason of ours; allowed are 0.1 %",
        "critical",
        {**CAMPAIGN, "slo": "availability"},
        "EntenteCallsFail",
    ),
    Case(
        "EntenteCallsFail",
        calls("0+998x600", "0+2x600"),
        "10m",
        "8h",
        "0.2% of the calls to campaign fail for a reason of ours; allowed are 0.1 %",
        "warning",
        {**CAMPAIGN, "slo": "availability"},
    ),
    Case(
        "EntenteCallsSlowFast",
        in_time(CALLS, "0.5", "0+100x60 6080+80x70", "0+100x130"),
        "55m",
        "122m",
        "20% of the calls to campaign take longer than half a second; allowed are 1 %",
        "critical",
        {**CAMPAIGN, "slo": "latency"},
        "EntenteCallsSlow",
    ),
    Case(
        "EntenteCallsSlow",
        in_time(CALLS, "0.5", "0+98x600", "0+100x600"),
        "10m",
        "8h",
        "2% of the calls to campaign take longer than half a second; allowed are 1 %",
        "warning",
        {**CAMPAIGN, "slo": "latency"},
    ),
    Case(
        "EntenteEventsLateFast",
        in_time(DELAY, "30.0", "0+100x60 6080+80x70", "0+100x130"),
        "55m",
        "122m",
        "20% of the events for review take effect later than after 30 seconds; allowed are 1 %",
        "critical",
        {**REVIEW, "slo": "freshness"},
        "EntenteEventsLate",
    ),
    Case(
        "EntenteEventsLate",
        in_time(DELAY, "30.0", "0+98x600", "0+100x600"),
        "10m",
        "8h",
        "2% of the events for review take effect later than after 30 seconds; allowed are 1 %",
        "warning",
        {**REVIEW, "slo": "freshness"},
    ),
    Case(
        "EntenteServiceDown",
        {'up{service="review",pod="a"}': "1x10 0x20", 'up{service="review",pod="b"}': "1x20 0x10"},
        "15m",
        "25m",
        "No replica of review answers",
        "critical",
        REVIEW,
    ),
    Case(
        "EntenteConsumerHalted",
        {'entente_consumer_halted{service="review"}': "0x10 1x20"},
        "10m",
        "15m",
        "The consumer of review has stopped: too many events failed",
        "critical",
        REVIEW,
    ),
    Case(
        "EntenteDeadLettersWait",
        {
            'entente_dead_letters_pending{service="review",pod="a"}': "0x10 3x30",
            'entente_dead_letters_pending{service="review",pod="b"}': "0x40",
        },
        "15m",
        "25m",
        "3 dead letters of review wait for a person",
        "warning",
        REVIEW,
    ),
    Case(
        "EntenteOutboxStuck",
        {'entente_outbox_oldest_pending_seconds{service="review"}': "0x10 90x30"},
        "12m",
        "20m",
        "An event of review has waited 90 seconds to be published",
        "critical",
        REVIEW,
    ),
    Case(
        "EntenteConsumerBacksOff",
        {
            'entente_consumer_partitions_backing_off{service="review",pod="a"}': "0x10 2x30",
            'entente_consumer_partitions_backing_off{service="review",pod="b"}': "0x10 1x30",
        },
        "15m",
        "25m",
        "3 partitions of review cannot go on now",
        "warning",
        REVIEW,
    ),
    Case(
        "EntenteConsumerLags",
        {
            'entente_consumer_lag_records{service="review",topic="t",pod="a"}': "0x10 15000x40",
            'entente_consumer_lag_records{service="review",topic="t",pod="b"}': "0x10 10000x40",
        },
        "20m",
        "30m",
        "review is 25000 records of t behind",
        "warning",
        {**REVIEW, "topic": "t"},
    ),
    Case(
        "EntenteTimersLate",
        {'entente_timers_late_seconds{service="campaign",collection="collaborations"}': "0x10 400x30"},
        "12m",
        "20m",
        "Timers of campaign (collaborations) fire 400 seconds late",
        "warning",
        {**CAMPAIGN, "collection": "collaborations"},
    ),
    Case(
        "EntenteClicksLost",
        {'entente_analytics_clicks_lost_total{service="analytics"}': "0x10 7x20"},
        "10m",
        "12m",
        "Clicks were redirected and could not be kept on disk",
        "critical",
        {"service": "analytics"},
    ),
    Case(
        "EntenteClickJournalGrows",
        {'entente_analytics_journal_unsent_bytes{service="analytics"}': "0x10 2147483648x30"},
        "15m",
        "25m",
        "2GiB of clicks wait on disk for Kafka",
        "warning",
        {"service": "analytics"},
    ),
    Case(
        "EntenteIndexStale",
        {'entente_matching_index_seen_timestamp_seconds{service="matching"}': "0+60x10 600x30"},
        "14m",
        "25m",
        "A search index of matching has seen nothing new for 15m 0s",
        "warning",
        {"service": "matching"},
    ),
]


def rules() -> list[dict[str, Any]]:
    return [rule for group in alerts.groups() for rule in group["rules"]]


def test_the_rules_are_those_of_the_objectives() -> None:
    assert alerts.main(["--check"]) == 0


def test_every_alert_is_tested() -> None:
    assert sorted(case.alert for case in CASES) == sorted(rule["alert"] for rule in rules() if "alert" in rule)


@pytest.mark.needs("promtool")
def test_rules_are_accepted() -> None:
    done = run("promtool", "check", "rules", OBSERVABILITY / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_is_silent_before_and_says_what_is_wrong_after(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "alert.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(OBSERVABILITY / "rules.yaml")],
                "evaluation_interval": "1m",
                "tests": [case.rule_test()],
            }
        )
    )
    done = run("promtool", "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("amtool")
def test_the_routing_of_alerts_is_accepted_and_wakes_only_for_what_is_critical() -> None:
    config = OBSERVABILITY / "alertmanager.yaml"
    assert run("amtool", "check-config", config).returncode == 0
    for severity, receiver in (("critical", "pager"), ("warning", "tickets")):
        done = run("amtool", "config", "routes", "test", f"--config.file={config}", f"severity={severity}")
        assert done.stdout.strip() == receiver


def test_rules_name_only_metrics_that_exist_and_what_they_record_is_used() -> None:
    known = {series for metric in metrics.catalogue() for series in metric.series} | OF_PROMETHEUS
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    named = set().union(*(names_in(rule["expr"]) for rule in rules()))
    assert named - known - recorded == set()
    assert recorded - named == set()


def names_in(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring) *\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?! *\()\b", bare)
    keywords = {"and", "or", "unless", "sum", "max", "min", "rate", "increase", "histogram_quantile", "time", "e9"}
    return {word for word in words if word not in keywords}


def test_every_alert_has_a_runbook_that_says_how_to_see_to_mend_and_to_prevent() -> None:
    parts = re.split(r"^## ", (ROOT / alerts.RUNBOOK).read_text(), flags=re.MULTILINE)[1:]
    pages = {part.splitlines()[0].strip().lower(): part for part in parts}
    wanted = {rule["annotations"]["runbook"].partition("#")[2] for rule in rules() if "alert" in rule}
    assert set(pages) == wanted
    for page in pages.values():
        for how in ("**See.**", "**Mend.**", "**Prevent.**"):
            assert how in page


def test_every_metric_is_documented_and_none_tells_of_a_person_or_thing() -> None:
    assert metrics.main(["--check"]) == 0
    for metric in metrics.catalogue():
        assert metric.sentence.strip()
        unbounded = re.compile(r"(^|_)(id|name|brand|creator|campaign|person|subject|user|email|link|code|url)(_|$)")
        labels = [label for label in metric.labels if label != "rpc_response_status_code"]
        # What the RPC system and status are called is OpenTelemetry's word.
        assert [label for label in labels if unbounded.search(label) and label != "rpc_system_name"] == []


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)
