"""Every kustomization renders and would be taken by Kubernetes 1.33, and what is wrong would not."""

import copy
from collections.abc import Callable

import pytest

from tests.deploy.manifests import (
    SERVICES,
    Resource,
    container_of,
    kustomizations,
    of_kind,
    one,
    pod_of,
    problems_between,
    problems_of,
    render,
)
from tools import kafka_resources

pytestmark = pytest.mark.needs("kubectl")


@pytest.mark.parametrize("folder", kustomizations())
def test_a_kustomization_is_accepted(folder: str) -> None:
    resources = render(folder)
    assert resources
    problems = {f"{each['kind']} {each['metadata']['name']}": problems_of(each) for each in resources}
    assert {name: found for name, found in problems.items() if found} == {}
    if folder.startswith("overlays/"):
        assert problems_between(resources) == []


def deployment(resources: list[Resource]) -> Resource:
    return one(resources, "Deployment", "campaign")


def unknown_field(resources: list[Resource]) -> Resource:
    deployment(resources)["spec"]["replica"] = 3
    return deployment(resources)


def wrong_type(resources: list[Resource]) -> Resource:
    container_of(deployment(resources))["env"][0]["value"] = 5
    return deployment(resources)


def selector_of_others(resources: list[Resource]) -> Resource:
    deployment(resources)["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] = "review"
    return deployment(resources)


def no_such_volume(resources: list[Resource]) -> Resource:
    pod_of(deployment(resources))["volumes"].pop()
    return deployment(resources)


def more_than_the_limit(resources: list[Resource]) -> Resource:
    container_of(deployment(resources))["resources"]["requests"]["memory"] = "64Gi"
    return deployment(resources)


def no_quantity(resources: list[Resource]) -> Resource:
    container_of(deployment(resources))["resources"]["limits"]["memory"] = "lots"
    return deployment(resources)


def probe_of_nothing(resources: list[Resource]) -> Resource:
    container_of(deployment(resources))["readinessProbe"] = {"grpc": {"port": 1}}
    return deployment(resources)


def no_name(resources: list[Resource]) -> Resource:
    deployment(resources)["metadata"]["name"] = "Campaign_1"
    return deployment_of_any_name(resources)


def deployment_of_any_name(resources: list[Resource]) -> Resource:
    return of_kind(resources, "Deployment")[0]


def variable_twice(resources: list[Resource]) -> Resource:
    environment = container_of(deployment(resources))["env"]
    environment.append(environment[0])
    return deployment(resources)


def unknown_field_of_kafka(resources: list[Resource]) -> Resource:
    kafka = one(resources, "Kafka", "entente")
    kafka["spec"]["kafka"]["replicas"] = 3
    return kafka


def unknown_operation(resources: list[Resource]) -> Resource:
    user = of_kind(resources, "KafkaUser")[0]
    user["spec"]["authorization"]["acls"][0]["operations"] = ["Devour"]
    return user


def scaled_by_nothing(resources: list[Resource]) -> Resource:
    scaled = of_kind(resources, "ScaledObject")[0]
    del scaled["spec"]["triggers"]
    return scaled


def old_secret(resources: list[Resource]) -> Resource:
    secret = of_kind(resources, "ExternalSecret")[0]
    secret["apiVersion"] = "external-secrets.io/v1alpha1"
    return secret


def misspelt_database(resources: list[Resource]) -> Resource:
    database = of_kind(resources, "PerconaServerMongoDB")[0]
    database["spec"]["replicasets"] = database["spec"].pop("replsets")
    return database


def policy_of_no_protocol(resources: list[Resource]) -> Resource:
    policy = one(resources, "NetworkPolicy", "every-service")
    policy["spec"]["ingress"][0]["from"][0]["podSelectors"] = {}
    return policy


@pytest.mark.parametrize(
    "spoil",
    [
        unknown_field,
        wrong_type,
        selector_of_others,
        no_such_volume,
        more_than_the_limit,
        no_quantity,
        probe_of_nothing,
        no_name,
        variable_twice,
        unknown_field_of_kafka,
        unknown_operation,
        scaled_by_nothing,
        old_secret,
        misspelt_database,
        policy_of_no_protocol,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_what_is_wrong_is_refused(spoil: Callable[[list[Resource]], Resource]) -> None:
    resources = copy.deepcopy(render("overlays/prod"))
    assert problems_of(spoil(resources)) != []


def test_a_service_that_chooses_no_pod_is_refused() -> None:
    resources = copy.deepcopy(render("overlays/prod"))
    one(resources, "Service", "review")["spec"]["selector"]["app.kubernetes.io/name"] = "reviews"
    assert problems_between(resources) == ["Service review chooses no pod"]


@pytest.mark.parametrize("overlay", ["staging", "prod"])
def test_a_workload_has_one_autoscaler(overlay: str) -> None:
    resources = render(f"overlays/{overlay}")
    targets = [each["spec"]["scaleTargetRef"]["name"] for each in resources if "scaleTargetRef" in each.get("spec", {})]
    assert sorted(targets) == sorted(SERVICES)


def test_topics_rights_and_scaling_are_those_of_the_services() -> None:
    assert kafka_resources.main(["--check"]) == 0
