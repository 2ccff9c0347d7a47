"""Dashboards are those of the code, ask only for metrics that exist, and together leave none out."""

import json
import re
from typing import Any

import pytest

from tests.deploy.manifests import one, render
from tests.deploy.test_alerts import OF_PROMETHEUS, names_in, rules
from tools import dashboards, metrics


def panels() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted(dashboards.FOLDER.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            found += [(path.stem, inner) for inner in (panel, *panel.get("panels", [])) if inner["type"] != "row"]
    return found


def test_dashboards_are_those_of_the_code() -> None:
    assert dashboards.main(["--check"]) == 0


def test_panels_ask_only_for_metrics_that_exist_and_every_metric_has_a_panel() -> None:
    known = {series: metric.name for metric in metrics.catalogue() for series in metric.series}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked: set[str] = set()
    for board, panel in panels():
        expressions = [target["expr"] for target in panel["targets"]]
        assert expressions, f"{board}: {panel['title']} shows nothing"
        asked |= set().union(*(names_in(expression) for expression in expressions))
    assert asked - known.keys() - recorded - OF_PROMETHEUS == set()
    assert {metric.name for metric in metrics.catalogue()} - {known[name] for name in asked if name in known} == set()


@pytest.mark.needs("kubectl")
def test_kubernetes_is_given_every_dashboard_within_what_a_config_map_holds() -> None:
    held = one(render("overlays/prod"), "ConfigMap", "entente-dashboards")["data"]
    assert set(held) == {path.name for path in dashboards.FOLDER.glob("*.json")}
    assert sum(len(text) for text in held.values()) < 1_000_000


def test_panels_have_names_of_their_own_on_a_board() -> None:
    titles = [(board, panel["title"]) for board, panel in panels()]
    assert sorted(title for title in titles if titles.count(title) > 1) == []
    assert all(re.search(r"\S", title) for _, title in titles)
