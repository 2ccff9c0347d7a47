"""Renders deploy/k8s and holds it against Kubernetes 1.33: shapes first, then what a server would refuse besides."""

import functools
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from referencing import Registry
from referencing import Resource as Resource_

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy" / "k8s"
SCHEMAS = Path(__file__).parent / "schemas"
VERSION = "1.33"
OVERLAYS = ("dev", "staging", "prod")
SERVICES = ("analytics", "campaign", "matching", "messaging", "review")
WORKLOADS = ("Deployment", "StatefulSet", "Job")

Resource = dict[str, Any]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


@functools.cache
def _rendered(folder: str) -> str:
    done = subprocess.run(["kubectl", "kustomize", str(K8S / folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{folder} does not render: {done.stderr}")
    return done.stdout


def render(folder: str) -> list[Resource]:
    """The resources of a kustomization below deploy/k8s."""
    return [resource for resource in yaml.safe_load_all(_rendered(folder)) if resource]


def kustomizations() -> list[str]:
    """Every kustomization that can be applied by itself."""
    return [
        path.parent.relative_to(K8S).as_posix()
        for path in sorted(K8S.rglob("kustomization.yaml"))
        if yaml.safe_load(path.read_text())["kind"] == "Kustomization"
    ]


def one(resources: list[Resource], kind: str, name: str) -> Resource:
    """The resource of that kind and name."""
    found = [each for each in resources if each["kind"] == kind and each["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def of_kind(resources: list[Resource], *kinds: str) -> list[Resource]:
    return [each for each in resources if each["kind"] in kinds]


def pod_of(workload: Resource) -> Resource:
    """The pod template's spec of a workload."""
    spec: Resource = workload["spec"]["template"]["spec"]
    return spec


def container_of(workload: Resource) -> Resource:
    container: Resource = pod_of(workload)["containers"][0]
    return container


@functools.cache
def _validator(api_version: str, kind: str) -> jsonschema.Draft202012Validator | None:
    group, _, version = api_version.rpartition("/")
    if ("." in group and not group.endswith(".k8s.io")) or group == "gateway.networking.k8s.io":
        path = SCHEMAS / f"{group}_{version}_{kind}.json"
        return jsonschema.Draft202012Validator(json.loads(path.read_text())) if path.exists() else None
    name = f"{kind.lower()}-{group.partition('.')[0]}-{version}.json" if group else f"{kind.lower()}-{version}.json"
    path = _kubernetes() / name
    if not path.exists():
        return None
    schema = Resource_.from_contents(json.loads(path.read_text()))
    return jsonschema.Draft202012Validator(schema.contents, registry=schema @ _definitions())


def _kubernetes() -> Path:
    package = Path(str(kubernetes_validate.__file__)).parent
    return package / "kubernetes-json-schema" / f"v{VERSION}.0-local-strict"


@functools.cache
def _definitions() -> Registry[Any]:
    found: Registry[Any] = Registry()
    return Resource_.from_contents(json.loads((_kubernetes() / "_definitions.json").read_text())) @ found


def _problem_of_shape(resource: Resource) -> str:
    validator = _validator(resource["apiVersion"], resource["kind"])
    if validator is None:
        return f"no schema of {resource['apiVersion']} {resource['kind']}"
    return "; ".join(f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(resource))


def _unique(names: list[Any], what: str) -> Iterator[str]:
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        yield f"{what} {name} twice"


def _problems_of_workload(resource: Resource) -> Iterator[str]:
    spec = resource["spec"]
    labels = spec["template"]["metadata"].get("labels", {})
    if resource["kind"] != "Job":
        wanted = spec["selector"].get("matchLabels", {})
        if not wanted or any(labels.get(key) != value for key, value in wanted.items()):
            yield "the selector does not match the template's labels"
    pod = pod_of(resource)
    volumes = [volume["name"] for volume in pod.get("volumes", [])]
    volumes += [claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])]
    yield from _unique(volumes, "volume")
    for container in pod["containers"]:
        if not container.get("image"):
            yield "a container without an image"
        mounts = container.get("volumeMounts", [])
        yield from (f"no volume {mount['name']}" for mount in mounts if mount["name"] not in volumes)
        yield from _unique([mount["mountPath"] for mount in mounts], "mount of")
        yield from _unique([entry["name"] for entry in container.get("env", [])], "variable")
        ports = {port.get("name"): port["containerPort"] for port in container.get("ports", [])}
        yield from _unique([port["containerPort"] for port in container.get("ports", [])], "port")
        for port in ports.values():
            if not 0 < port < 65536:
                yield f"port {port}"
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            yield from _problems_of_probe(container.get(probe, {}), ports)
        yield from _problems_of_resources(container.get("resources", {}))


def _problems_of_probe(probe: Resource, ports: dict[str, int]) -> Iterator[str]:
    kinds = [kind for kind in ("grpc", "httpGet", "exec", "tcpSocket") if kind in probe]
    if probe and len(kinds) != 1:
        yield f"a probe of {len(kinds)} kinds"
    for kind in kinds:
        port = probe[kind].get("port")
        if port not in ports and port not in ports.values():
            yield f"a probe of port {port}, which the container does not have"


def _problems_of_resources(resources: Resource) -> Iterator[str]:
    for side in ("requests", "limits"):
        for name, amount in resources.get(side, {}).items():
            if not _QUANTITY.fullmatch(str(amount)):
                yield f"{side} {name}: {amount} is no quantity"
    for name, amount in resources.get("requests", {}).items():
        limit = resources.get("limits", {}).get(name)
        if limit is not None and bytes_or_cores(amount) > bytes_or_cores(limit):
            yield f"more {name} requested than allowed"


def bytes_or_cores(quantity: str) -> float:
    """The number that a Kubernetes quantity stands for."""
    powers = {"m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    binary = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    number = re.match(r"[\d.]+", str(quantity))
    if number is None:
        return float("nan")
    unit = str(quantity)[number.end() :]
    return float(number.group()) * (powers | binary).get(unit, float("nan"))


def _problems_of_autoscaler(resource: Resource) -> Iterator[str]:
    if resource["spec"].get("minReplicas", 1) > resource["spec"]["maxReplicas"]:
        yield "more replicas at least than at most"


def _problems_of_disruption_budget(resource: Resource) -> Iterator[str]:
    if ("minAvailable" in resource["spec"]) == ("maxUnavailable" in resource["spec"]):
        yield "one of minAvailable and maxUnavailable is needed"


def _nothing_more(_: Resource) -> Iterator[str]:
    yield from ()


_MORE: dict[str, Callable[[Resource], Iterator[str]]] = {
    **dict.fromkeys(WORKLOADS, _problems_of_workload),
    "HorizontalPodAutoscaler": _problems_of_autoscaler,
    "PodDisruptionBudget": _problems_of_disruption_budget,
}


def problems_of(resource: Resource) -> list[str]:
    """Why a server of Kubernetes 1.33 would refuse it; empty when it would take it."""
    shape = _problem_of_shape(resource)
    if shape:
        return [shape]
    metadata = resource["metadata"]
    found = [] if _NAME.fullmatch(metadata["name"]) else [f"{metadata['name']} is no name"]
    found += [f"label {value}" for value in metadata.get("labels", {}).values() if not _LABEL.fullmatch(value)]
    return found + list(_MORE.get(resource["kind"], _nothing_more)(resource))


def problems_between(resources: list[Resource]) -> list[str]:
    """What one resource names of another that is not there."""
    found = []
    identities = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in resources]
    found += list(_unique(identities, "resource"))
    names = {(kind, name) for _, kind, name in identities}
    pods = {each["metadata"]["name"]: each["spec"]["template"] for each in of_kind(resources, *WORKLOADS)}
    for service in of_kind(resources, "Service"):
        wanted = service["spec"]["selector"]
        chosen = [pod for pod in pods.values() if wanted.items() <= pod["metadata"].get("labels", {}).items()]
        if not chosen:
            found.append(f"Service {service['metadata']['name']} chooses no pod")
        for port in service["spec"]["ports"]:
            for pod in chosen:
                known = {entry["name"] for entry in pod["spec"]["containers"][0].get("ports", [])}
                if port["targetPort"] not in known:
                    found.append(f"Service {service['metadata']['name']}: no port {port['targetPort']}")
    for each in resources:
        target = each["spec"].get("scaleTargetRef") if isinstance(each.get("spec"), dict) else None
        if target and (target["kind"], target["name"]) not in names:
            found.append(f"{each['kind']} {each['metadata']['name']} scales what is not there")
    for name, pod in pods.items():
        account = pod["spec"].get("serviceAccountName", "default")
        if account != "default" and ("ServiceAccount", account) not in names:
            found.append(f"{name}: no ServiceAccount {account}")
    return found
