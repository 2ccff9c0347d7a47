"""Writes docs/metrics.md, what every process tells of itself, from the code that counts it: `make metrics`.

    python -m tools.metrics [--check]

The modules of the services are imported, and each metric in them is asked for its name, type, labels and sentence.
With --check nothing is written, and it fails when the page is not what the code says.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("docs") / "metrics.md"
PACKAGES = (
    "entente_chassis",
    "entente_analytics",
    "entente_campaign",
    "entente_matching",
    "entente_messaging",
    "entente_review",
)
# Not asked for: it runs a service, or belongs to tests.
_NOT_IMPORTED = ("__main__", ".testing")

_UNITS = ("seconds", "bytes", "records", "days", "events", "clicks", "rows", "creators")
_TYPES: dict[type[MetricWrapperBase], str] = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}

INTRODUCTION = """\
# Metrics

<!-- Written by `make metrics` from the code: change the sentences there. -->

Each process answers `/metrics` at `ENTENTE_METRICS_BIND`, in the format of Prometheus or of OpenMetrics as the scraper
asks. On Kubernetes the label `service` is added when they are scraped. Every label has few values: topics, collections,
states, reasons, methods. No name of a brand, creator, campaign or person is a label (`make check-deploy` refuses it).

A histogram `x` has the series `x_bucket`, `x_sum` and `x_count`. Counters and histograms begin at 0 when a process
starts.
"""


@dataclass(frozen=True)
class Metric:
    """One metric of the code."""

    package: str
    name: str
    type: str
    unit: str
    labels: tuple[str, ...]
    sentence: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query can ask for."""
        if self.type == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


def catalogue() -> list[Metric]:
    """Every metric of the code, by package and name."""
    for package in PACKAGES:
        for module in _modules(package):
            importlib.import_module(module)
    found: dict[str, Metric] = {}
    for package in PACKAGES:
        for module in _modules(package):
            for value in vars(sys.modules[module]).values():
                for each in _made(value):
                    found.setdefault(each._name, _described(package, each))
    return sorted(found.values(), key=lambda metric: (PACKAGES.index(metric.package), metric.name))


def _modules(package: str) -> Iterator[str]:
    root = importlib.import_module(package)
    yield package
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not any(part in module.name for part in _NOT_IMPORTED):
            yield module.name


def _made(value: object) -> Iterator[MetricWrapperBase]:
    if isinstance(value, MetricWrapperBase):
        yield value


def _described(package: str, metric: MetricWrapperBase) -> Metric:
    kind = _TYPES[type(metric)]
    name = f"{metric._name}_total" if kind == "counter" else metric._name
    words = name.removesuffix("_total").split("_")
    unit = next((unit for unit in _UNITS if words[-1] == unit), "1")
    return Metric(package, name, kind, unit, tuple(metric._labelnames), metric._documentation)


def page(metrics: Sequence[Metric]) -> str:
    """The catalogue as a page."""
    text = INTRODUCTION
    for package in PACKAGES:
        title = package.removeprefix("entente_")
        text += f"\n## {'Every service' if title == 'chassis' else title.capitalize()}\n\n"
        text += "| metric | type | unit | labels | what it tells |\n|---|---|---|---|---|\n"
        for metric in metrics:
            if metric.package == package:
                labels = ", ".join(f"`{label}`" for label in metric.labels)
                text += f"| `{metric.name}` | {metric.type} | {metric.unit} | {labels} | {metric.sentence} |\n"
    return text


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m tools.metrics [--check]", file=sys.stderr)
        return 2
    text = page(catalogue())
    if not arguments:
        (ROOT / PAGE).write_text(text)
        return 0
    if not (ROOT / PAGE).exists() or (ROOT / PAGE).read_text() != text:
        print(f"{PAGE} is not what the code says: run `make metrics`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
