"""Writes the rules of Prometheus from deploy/observability/slos.toml: `make alerts`.

    python -m tools.alerts [--check]

Of each objective come recording rules, one for each window, and alerts that fire when its budget burns too fast in a
long and in a short window (Google, The Site Reliability Workbook, chapter 5). The other alerts stand as written.
With --check nothing is written, and it fails when something would change.
"""

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
OBJECTIVES = ROOT / "deploy" / "observability" / "slos.toml"
RULES = ROOT / "deploy" / "observability" / "rules.yaml"
RESOURCE = ROOT / "deploy" / "k8s" / "components" / "monitoring" / "rules.yaml"
RUNBOOK = "docs/runbooks/alerts.md"
HEADER = "# Written by `make alerts` from deploy/observability/slos.toml: do not change it here.\n"

Rule = dict[str, Any]


def groups() -> list[dict[str, Any]]:
    """The groups of rules, as a rule file holds them."""
    read = tomllib.loads(OBJECTIVES.read_text())
    windows = sorted({burn[side] for burn in read["burn"] for side in ("long", "short")}, key=_minutes)
    result = []
    for objective in read["objective"]:
        recorded = [_recording(objective, window) for window in windows]
        alerts = [_burn_alert(objective, severity, read["burn"]) for severity in ("critical", "warning")]
        result.append({"name": f"entente-slo-{objective['name']}", "interval": "30s", "rules": [*recorded, *alerts]})
    result.append({"name": "entente-causes", "interval": "30s", "rules": [_alert(each) for each in read["alert"]]})
    return result


def ratio(objective: str, window: str) -> str:
    """The recorded share of what went wrong in a window."""
    return f"service:entente_{objective}_errors:ratio_rate{window}"


def _minutes(window: str) -> int:
    return int(window[:-1]) * {"m": 1, "h": 60, "d": 1440}[window[-1]]


def _recording(objective: dict[str, Any], window: str) -> Rule:
    bad, whole = (objective[side].replace("WINDOW", window) for side in ("bad", "all"))
    # No bad call yet is no series yet: it counts as none, where there were calls at all.
    expr = f"(({bad}) or 0 * ({whole})) / (({whole}) > 0)"
    return {"record": ratio(objective["name"], window), "expr": expr}


def _burn_alert(objective: dict[str, Any], severity: str, burns: list[dict[str, Any]]) -> Rule:
    budget = 1 - objective["target"]
    name = objective["name"]
    pairs = [
        f"({ratio(name, burn['long'])} > {burn['factor'] * budget:.6g} "
        f"and {ratio(name, burn['short'])} > {burn['factor'] * budget:.6g})"
        for burn in burns
        if burn["severity"] == severity
    ]
    alert = objective["alert"] + ("Fast" if severity == "critical" else "")
    allowed = f"allowed are {budget * 100:.3g} %"
    return {
        "alert": alert,
        "expr": " or ".join(pairs),
        "for": "2m" if severity == "critical" else "15m",
        "labels": {"severity": severity, "slo": name},
        "annotations": {
            "summary": f"{{{{ $value | humanizePercentage }}}} {objective['sentence']}; {allowed}",
            "runbook": f"{RUNBOOK}#{objective['alert'].lower()}",
        },
    }


def _alert(alert: dict[str, Any]) -> Rule:
    return {
        "alert": alert["name"],
        "expr": alert["expr"],
        "for": alert["for"],
        "labels": {"severity": alert["severity"]},
        "annotations": {"summary": alert["summary"], "runbook": f"{RUNBOOK}#{alert['name'].lower()}"},
    }


def files() -> dict[Path, str]:
    """Every file that is written here, and what it holds."""
    made = groups()
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "entente"},
        "spec": {"groups": made},
    }
    return {
        RULES: HEADER + _yaml({"groups": made}),
        RESOURCE: HEADER + _yaml(resource),
    }


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120)


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m tools.alerts [--check]", file=sys.stderr)
        return 2
    for path, text in files().items():
        if not arguments:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.relative_to(ROOT)} is not what the objectives say: run `make alerts`", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
