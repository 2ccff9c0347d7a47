"""Writes what Kubernetes must know of the bus, from the services themselves: `make kubernetes`.

    python -m tools.kafka_resources [--check]

Each service is put together as its process would be, and tells the topics that it writes and reads. Of these come the
KafkaTopics, one KafkaUser for each service with exactly those rights, and the lag that scales its replicas.
With --check nothing is written, and it fails when something would change.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from entente_chassis import topics
from entente_chassis.settings import ServiceSettings
from tools.asyncapi import SERVICES, build_service

ROOT = Path(__file__).resolve().parent.parent
COMPONENTS = ROOT / "deploy" / "k8s" / "components"
BOOTSTRAP = "entente-kafka-bootstrap.entente.svc:9092"
# Groups that a service reads with beside that of its name, and what they read.
MORE_GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "analytics": {"entente-analytics-clicks": (topics.stream("analytics", "clicks"),)},
}
STATEFUL = ("analytics",)
LAG_PER_REPLICA = 500
HEADER = "# Written by `make kubernetes` from the services: do not change it here.\n"


@dataclass
class Traffic:
    """What one service does on the bus."""

    writes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


async def traffic() -> dict[str, Traffic]:
    """What each service writes and reads, as it says itself."""
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for service in SERVICES:
            runtime = build_service(service, Path(folder))
            own = Traffic(set(runtime.published_topics), set(runtime.consumed_topics | runtime.heard_topics))
            own.groups = {f"entente-{service}": tuple(sorted(runtime.consumed_topics)), **MORE_GROUPS.get(service, {})}
            own.reads |= {topic for read in own.groups.values() for topic in read}
            result[service] = own
    return result


def topic_resources(of: Mapping[str, Traffic]) -> list[dict[str, Any]]:
    """Every topic: partitions and replicas as the services would make them."""
    fields = ServiceSettings.model_fields
    partitions, replicas = fields["topic_partitions"].default, fields["topic_replication"].default
    names = sorted({topic for one in of.values() for topic in one.writes | one.reads})
    return [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaTopic",
            "metadata": {"name": name, "labels": {"strimzi.io/cluster": "entente"}},
            "spec": {
                "partitions": partitions,
                "replicas": replicas,
                "config": topics.topic_settings(name, replicas),
            },
        }
        for name in names
    ]


def user_resources(of: Mapping[str, Traffic]) -> list[dict[str, Any]]:
    """One user for each service, with no more rights than it uses."""
    return [
        {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaUser",
            "metadata": {"name": f"entente-{service}", "labels": {"strimzi.io/cluster": "entente"}},
            "spec": {
                "authentication": {"type": "tls"},
                "authorization": {"type": "simple", "acls": _rights(service, own)},
            },
        }
        for service, own in sorted(of.items())
    ]


def _rights(service: str, own: Traffic) -> list[dict[str, Any]]:
    def right(kind: str, name: str, operations: list[str], pattern: str = "literal") -> dict[str, Any]:
        return {"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": operations}

    found = []
    for topic in sorted(own.writes | own.reads):
        # Who writes a topic may read it too: states are read back, streams are counted.
        operations = ["Describe", "DescribeConfigs", "Read", *(["Write"] if topic in own.writes else [])]
        found.append(right("topic", topic, operations))
    return [*found, right("group", f"entente-{service}", ["Describe", "Read"], "prefix")]


def scaling_resources(of: Mapping[str, Traffic]) -> list[dict[str, Any]]:
    """One ScaledObject for each service: CPU, and the lag of each topic that it reads as a group."""
    result = []
    for service, own in sorted(of.items()):
        kind = "StatefulSet" if service in STATEFUL else "Deployment"
        triggers: list[dict[str, Any]] = [
            {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}},
            *(
                {
                    "type": "kafka",
                    "metadata": {
                        "bootstrapServers": BOOTSTRAP,
                        "consumerGroup": group,
                        "topic": topic,
                        "lagThreshold": str(LAG_PER_REPLICA),
                        "offsetResetPolicy": "earliest",
                    },
                }
                for group, read in own.groups.items()
                for topic in read
            ),
        ]
        result.append(
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "metadata": {"name": service},
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": service},
                    "minReplicaCount": 2,
                    "maxReplicaCount": 8,
                    "pollingInterval": 15,
                    "cooldownPeriod": 600,
                    "advanced": {
                        "horizontalPodAutoscalerConfig": {
                            "behavior": {
                                "scaleDown": {
                                    "stabilizationWindowSeconds": 600,
                                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}],
                                }
                            }
                        }
                    },
                    "triggers": triggers,
                },
            }
        )
    return result


def files() -> dict[Path, str]:
    """Every file that is written here, and what it holds."""
    of = asyncio.run(traffic())
    return {
        COMPONENTS / "strimzi" / "topics.yaml": _yaml(topic_resources(of)),
        COMPONENTS / "strimzi" / "users.yaml": _yaml(user_resources(of)),
        COMPONENTS / "keda" / "scaledobjects.yaml": _yaml(scaling_resources(of)),
    }


def _yaml(resources: list[dict[str, Any]]) -> str:
    return HEADER + yaml.safe_dump_all(resources, sort_keys=False, width=120)


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m tools.kafka_resources [--check]", file=sys.stderr)
        return 2
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the services say: run `make kubernetes`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in files().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
