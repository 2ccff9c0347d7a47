"""What every workload must be and must not be able to do, held against the rendered overlays and the services' code."""

import copy
import importlib
from collections.abc import Iterator

import pytest

from entente_chassis.settings import ServiceSettings, variable
from tests.deploy.manifests import (
    OVERLAYS,
    SERVICES,
    WORKLOADS,
    Resource,
    container_of,
    of_kind,
    one,
    pod_of,
    render,
)

pytestmark = pytest.mark.needs("kubectl")

AFTER_THE_DRAIN_SECONDS = 15


def settings_of(service: str) -> type[ServiceSettings]:
    found: type[ServiceSettings] = importlib.import_module(f"entente_{service}.settings").Settings
    return found


def workloads(overlay: str) -> dict[str, Resource]:
    return {each["metadata"]["name"]: each for each in of_kind(render(f"overlays/{overlay}"), *WORKLOADS)}


def rights_too_many(workload: Resource) -> Iterator[str]:
    """What the restricted Pod Security standard, and we, do not allow."""
    pod, kind = pod_of(workload), workload["metadata"]["name"]
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or not security.get("runAsUser"):
        yield f"{kind} may be root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{kind} has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield f"{kind} holds a token of the cluster"
    yield from (f"{kind}: {shared}" for shared in ("hostNetwork", "hostPID", "hostIPC") if pod.get(shared))
    yield from (f"{kind} mounts the node" for volume in pod.get("volumes", []) if "hostPath" in volume)
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        own = container.get("securityContext", {})
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield f"{kind} may gain rights"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield f"{kind} has capabilities"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{kind} may write to its image"
        resources = container.get("resources", {})
        for side in ("requests", "limits"):
            yield from (f"{kind}: no {side} of {what}" for what in ("cpu", "memory") if what not in resources[side])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_has_more_rights_than_it_needs(overlay: str) -> None:
    found = workloads(overlay)
    assert set(found) == set(SERVICES)
    assert [problem for workload in found.values() for problem in rights_too_many(workload)] == []


@pytest.mark.parametrize(
    ("where", "field", "value"),
    [
        ("container", "privileged", True),
        ("container", "readOnlyRootFilesystem", False),
        ("container", "capabilities", {"add": ["NET_ADMIN"]}),
        ("pod", "runAsNonRoot", False),
    ],
)
def test_a_pod_with_more_rights_is_found(where: str, field: str, value: object) -> None:
    workload = copy.deepcopy(workloads("prod")["review"])
    (container_of(workload) if where == "container" else pod_of(workload))["securityContext"][field] = value
    assert list(rights_too_many(workload)) != []


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_what_it_needs_and_nothing_that_it_does_not_know(service: str, overlay: str) -> None:
    resources = render(f"overlays/{overlay}")
    container = container_of(workloads(overlay)[service])
    given = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
    for source in container["envFrom"]:
        given |= one(resources, "ConfigMap", source["configMapRef"]["name"])["data"]
    ours = {name for name in given if name.startswith("ENTENTE_")}
    fields = settings_of(service).model_fields
    known = {variable(name) for name in fields}
    needed = {variable(name) for name, field in fields.items() if field.is_required()}
    assert ours - known == set()
    assert needed - ours == set()
    plain = {name.removeprefix("ENTENTE_").lower(): given[name] for name in ours if given[name] is not None}
    plain |= {name: "elsewhere" for name, field in fields.items() if field.is_required() and name not in plain}
    settings_of(service).model_validate(plain)
    # Kubernetes' own variables of services would be among ours and be refused.
    assert pod_of(workloads(overlay)[service])["enableServiceLinks"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_is_given_longer_than_its_drain_takes(overlay: str) -> None:
    drain = float(one(render(f"overlays/{overlay}"), "ConfigMap", "entente-common")["data"]["ENTENTE_DRAIN_SECONDS"])
    for workload in workloads(overlay).values():
        pause = container_of(workload)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod_of(workload)["terminationGracePeriodSeconds"] >= pause + drain + AFTER_THE_DRAIN_SECONDS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_what_can_be_answered(overlay: str) -> None:
    resources = render(f"overlays/{overlay}")
    with_tls = "ENTENTE_TLS_CERT" in one(resources, "ConfigMap", "entente-common")["data"]
    for workload in workloads(overlay).values():
        container = container_of(workload)
        for probe in ("startupProbe", "readinessProbe"):
            assert ("httpGet" if with_tls else "grpc") in container[probe], "the kubelet speaks gRPC only without TLS"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz/live"


def names_of_pods(selector: Resource) -> set[str]:
    labels = selector.get("matchLabels", {})
    if labels.get("app.kubernetes.io/part-of") != "entente":
        return set()
    name = labels.get("app.kubernetes.io/name")
    return {name} if name else set(SERVICES)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_reach_those_that_they_call_and_no_other(overlay: str) -> None:
    called = {
        (service, name.removesuffix("_address"))
        for service in SERVICES
        for name in settings_of(service).model_fields
        if name.endswith("_address") and name.removesuffix("_address") in SERVICES
    }
    outwards, inwards = set(), set()
    for policy in of_kind(render(f"overlays/{overlay}"), "NetworkPolicy"):
        chosen = names_of_pods(policy["spec"]["podSelector"])
        for rule in policy["spec"].get("egress", []):
            for peer in rule.get("to", []):
                outwards |= {(a, b) for a in chosen for b in names_of_pods(peer.get("podSelector", {}))}
        for rule in policy["spec"].get("ingress", []):
            for peer in rule.get("from", []):
                inwards |= {(a, b) for b in chosen for a in names_of_pods(peer.get("podSelector", {}))}
    assert outwards == called
    assert inwards == called


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_open_that_is_not_named(overlay: str) -> None:
    policies = of_kind(render(f"overlays/{overlay}"), "NetworkPolicy")
    deny = one(policies, "NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies:
        spec = policy["spec"]
        for rule in spec.get("ingress", []):
            assert rule.get("from"), f"{policy['metadata']['name']} lets everybody in"
        if names_of_pods(spec["podSelector"]):
            for rule in [*spec.get("egress", []), *spec.get("ingress", [])]:
                assert rule.get("ports"), f"{policy['metadata']['name']} names no port"
            assert all(rule.get("to") for rule in spec.get("egress", []))


@pytest.mark.parametrize("overlay", ["staging", "prod"])
def test_no_service_can_reach_the_database_of_another(overlay: str) -> None:
    resources = render(f"overlays/{overlay}")
    users = of_kind(resources, "PerconaServerMongoDB")[0]["spec"]["users"]
    assert {user["name"]: [(role["name"], role["db"]) for role in user["roles"]] for user in users} == {
        service: [("readWrite", f"entente_{service}")] for service in SERVICES
    }
    assert len({user["passwordSecretRef"]["name"] for user in users}) == len(SERVICES)
    for service, workload in workloads(overlay).items():
        secrets = secrets_of(workload)
        for other in set(SERVICES) - {service}:
            assert not {name for name in secrets if name.startswith(f"entente-{other}-")}
        assert f"entente-{service}-mongo" in secrets


def secrets_of(workload: Resource) -> set[str]:
    """The secrets that a workload is handed, as variables or files."""
    pod = pod_of(workload)
    found = {
        entry["valueFrom"]["secretKeyRef"]["name"]
        for entry in container_of(workload).get("env", [])
        if "secretKeyRef" in entry.get("valueFrom", {})
    }
    for volume in pod.get("volumes", []):
        found |= {volume["secret"]["secretName"]} if "secret" in volume else set()
        for source in volume.get("projected", {}).get("sources", []):
            found |= {source["secret"]["name"]} if "secret" in source else set()
    return found


@pytest.mark.parametrize("overlay", ["staging", "prod"])
def test_secrets_are_named_and_not_contained(overlay: str) -> None:
    resources = render(f"overlays/{overlay}")
    assert of_kind(resources, "Secret") == []
    made = {each["spec"]["target"]["name"] for each in of_kind(resources, "ExternalSecret")}
    made |= {each["spec"]["secretName"] for each in of_kind(resources, "Certificate")}
    made |= {each["metadata"]["name"] for each in of_kind(resources, "KafkaUser")}
    for workload in workloads(overlay).values():
        assert secrets_of(workload) - made == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_have_a_version_and_their_own_name(overlay: str) -> None:
    for service, workload in workloads(overlay).items():
        name, _, tag = container_of(workload)["image"].rpartition(":")
        assert name.endswith(f"entente/{service}")
        assert tag
        assert tag != "latest"


def test_no_more_replicas_than_partitions() -> None:
    partitions = ServiceSettings.model_fields["topic_partitions"].default
    for scaled in of_kind(render("overlays/prod"), "ScaledObject"):
        assert scaled["spec"]["maxReplicaCount"] <= partitions


def test_ports_of_pods_are_those_that_settings_know() -> None:
    for service, workload in workloads("prod").items():
        wanted = {name.removesuffix("_bind") for name in settings_of(service).model_fields if name.endswith("_bind")}
        assert {port["name"] for port in container_of(workload)["ports"]} == wanted
