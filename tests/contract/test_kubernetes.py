"""The Kubernetes manifests by what they promise, and against Kubernetes' own schemas: no cluster needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from offset_purchaser.mail import DEFAULT_PORTS

KUBERNETES = "1.33"
SERVICES = ("traffic-meter", "delivery-emissions", "offset-purchaser")
JOBS = ("migrations", "topics")


def manifests(repository: Path, folder: str) -> list[dict[str, Any]]:
    root = repository / "deploy/kubernetes" / folder
    listed = yaml.safe_load((root / "kustomization.yaml").read_text())["resources"]
    files = [root / name for name in listed if name.endswith(".yaml")]
    return [found for path in files for found in yaml.safe_load_all(path.read_text()) if found]


def of_kind(repository: Path, kind: str, folder: str = "base") -> dict[str, dict[str, Any]]:
    return {m["metadata"]["name"]: m for m in manifests(repository, folder) if m["kind"] == kind}


def pods(repository: Path) -> dict[str, dict[str, Any]]:
    """What runs, by the name of its deployment or job."""
    made = of_kind(repository, "Deployment") | of_kind(repository, "Job")
    return {name: found["spec"]["template"]["spec"] for name, found in made.items()}


@pytest.mark.parametrize("folder", ["base", "keda"])
def test_every_manifest_of_a_folder_is_in_its_kustomization(repository: Path, folder: str) -> None:
    root = repository / "deploy/kubernetes" / folder
    listed = yaml.safe_load((root / "kustomization.yaml").read_text())["resources"]
    files = {path.name for path in root.glob("*.yaml")} - {"kustomization.yaml"}
    assert {name for name in listed if name.endswith(".yaml")} == files


@pytest.mark.parametrize("name", [*SERVICES, *JOBS])
def test_every_container_runs_without_rights_on_a_read_only_file_system_within_a_limit(
    repository: Path, name: str
) -> None:
    pod = pods(repository)[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["name"] == name
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert ":" not in container["image"], "the tag is in the kustomization"


def test_one_job_makes_every_services_tables_as_their_own_roles_and_another_the_topics(repository: Path) -> None:
    migrations, topics = (pods(repository)[name] for name in JOBS)
    assert {pod["containers"][0]["image"] for pod in (migrations, topics)} == {"campaign-offsets/set-up"}
    assert [pod["containers"][0]["command"] for pod in (migrations, topics)] == [["migrations"], ["topics"]]
    (sources,) = [v["projected"]["sources"] for v in migrations["volumes"] if v["name"] == "secrets"]
    assert [(s["secret"]["name"], s["secret"]["items"]) for s in sources] == [
        (name, [{"key": "postgres_dsn", "path": f"{name.replace('-', '_')}_dsn"}]) for name in SERVICES
    ]
    assert "envFrom" not in migrations["containers"][0], "it has no way to Kafka"
    (secret,) = [v["secret"] for v in topics["volumes"] if v["name"] == "secrets"]
    assert secret == {"secretName": "set-up"}, "it has no password of the database"


def test_a_job_removes_itself_so_that_the_next_version_can_be_applied_under_the_same_name(repository: Path) -> None:
    for name in JOBS:
        job = of_kind(repository, "Job")[name]["spec"]
        assert job["ttlSecondsAfterFinished"] == 600
        assert job["activeDeadlineSeconds"] == 1800


def test_every_image_of_the_manifests_gets_its_tag_in_the_kustomization(repository: Path) -> None:
    listed = yaml.safe_load((repository / "deploy/kubernetes/base/kustomization.yaml").read_text())["images"]
    used = {container["image"] for pod in pods(repository).values() for container in pod["containers"]}
    assert {image["name"] for image in listed} == used
    assert all(image["newTag"] not in ("", "latest") for image in listed)


@pytest.mark.parametrize("name", SERVICES)
def test_a_drained_node_takes_one_instance_of_two_at_a_time(repository: Path, name: str) -> None:
    assert of_kind(repository, "Deployment")[name]["spec"]["replicas"] == 2
    budget = of_kind(repository, "PodDisruptionBudget")[name]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"] == {"app.kubernetes.io/name": name}


def test_nothing_may_connect_by_default_and_only_the_purchaser_reaches_the_outside(repository: Path) -> None:
    policies = of_kind(repository, "NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    outside = [name for name, policy in policies.items() if "ipBlock" in str(policy["spec"].get("egress", ""))]
    assert outside == ["providers"]
    selector = policies["providers"]["spec"]["podSelector"]["matchLabels"]
    assert selector == {"app.kubernetes.io/name": "offset-purchaser"}
    (rule,) = policies["providers"]["spec"]["egress"]
    assert {port["port"] for port in rule["ports"]} == {443, *DEFAULT_PORTS.values()}


def test_meters_grow_to_4_instances_by_a_metric_that_exists_and_never_beyond_the_partitions(repository: Path) -> None:
    partitions = int(of_kind(repository, "ConfigMap")["campaign-offsets"]["data"]["TOPIC_PARTITIONS"])
    scaled = of_kind(repository, "ScaledObject", "keda")
    assert set(scaled) == {"traffic-meter", "delivery-emissions"}
    for found in scaled.values():
        assert found["spec"]["maxReplicaCount"] == partitions == 4
        assert "sum(meter_lag_records{" in found["spec"]["triggers"][0]["metadata"]["query"]


def test_what_keda_makes_of_a_scaled_object_is_a_valid_autoscaler_and_its_own_fields_are_keda_s(
    repository: Path,
) -> None:
    deployments = of_kind(repository, "Deployment")
    for name, found in of_kind(repository, "ScaledObject", "keda").items():
        spec = found["spec"]
        own = {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "cooldownPeriod", "advanced", "triggers"}
        assert (found["apiVersion"], set(spec)) == ("keda.sh/v1alpha1", own)
        assert spec["scaleTargetRef"] == {"name": name}
        assert name in deployments
        (trigger,) = spec["triggers"]
        assert set(trigger) == {"type", "metadata"}
        assert trigger["type"] == "prometheus"
        assert set(trigger["metadata"]) == {"serverAddress", "query", "threshold"}
        assert all(isinstance(value, str) for value in trigger["metadata"].values()), "KEDA takes strings only"
        assert float(trigger["metadata"]["threshold"]) > 0
        assert set(spec["advanced"]) == {"horizontalPodAutoscalerConfig"}
        scaler = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "minReplicas": spec["minReplicaCount"],
                "maxReplicas": spec["maxReplicaCount"],
                **spec["advanced"]["horizontalPodAutoscalerConfig"],
            },
        }
        assert kubernetes_validate.validate(scaler, KUBERNETES, strict=True) == KUBERNETES


def test_the_number_of_meters_is_taken_out_of_the_manifests_that_keda_scales(repository: Path) -> None:
    overlay = yaml.safe_load((repository / "deploy/kubernetes/keda/kustomization.yaml").read_text())
    (entry,) = overlay["patches"]
    assert yaml.safe_load(entry["patch"]) == [{"op": "remove", "path": "/spec/replicas"}]
    chosen = re.compile(entry["target"]["name"])
    deployments = of_kind(repository, "Deployment")
    patched = {name for name in deployments if chosen.fullmatch(name)}
    scaled = of_kind(repository, "ScaledObject", "keda").values()
    assert patched == {found["spec"]["scaleTargetRef"]["name"] for found in scaled}
    for name in patched:
        assert entry["target"]["kind"] == deployments[name]["kind"]
        del deployments[name]["spec"]["replicas"]
        assert kubernetes_validate.validate(deployments[name], KUBERNETES, strict=True) == KUBERNETES


def test_both_purchasers_share_the_orders_that_were_sent_by_hand_and_their_files_outlive_them(repository: Path) -> None:
    pod = of_kind(repository, "Deployment")["offset-purchaser"]["spec"]["template"]["spec"]
    folder = of_kind(repository, "ConfigMap")["offset-purchaser"]["data"]["PURCHASER_MANUAL_FOLDER"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if folder.startswith(m["mountPath"])]
    (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]
    claim = of_kind(repository, "PersistentVolumeClaim")[volume["persistentVolumeClaim"]["claimName"]]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize("name", [*SERVICES, "topics"])
def test_each_service_is_a_kafka_user_of_its_own_and_knows_the_brokers_authority(repository: Path, name: str) -> None:
    common = of_kind(repository, "ConfigMap")["campaign-offsets"]["data"]
    assert "KAFKA_SASL_USERNAME" not in common
    pod = pods(repository)[name]
    (container,) = pod["containers"]
    assert container["env"] == [{"name": "KAFKA_SASL_USERNAME", "value": "set-up" if name == "topics" else name}]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "kafka-ca"]
    assert common["KAFKA_SSL_CA_FILE"] == f"{mount['mountPath']}/ca.crt"
    assert {"name": "kafka-ca", "configMap": {"name": "kafka-ca"}} in pod["volumes"]


def test_no_secret_is_in_the_manifests(repository: Path) -> None:
    assert of_kind(repository, "Secret") == {}
    for deployment in of_kind(repository, "Deployment").values():
        volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
        assert volumes["secrets"]["secret"]["secretName"] == deployment["metadata"]["name"]


def test_every_manifest_is_valid_for_kubernetes_and_has_no_unknown_field(repository: Path) -> None:
    found = manifests(repository, "base")
    for manifest in found:
        assert kubernetes_validate.validate(manifest, KUBERNETES, strict=True) == KUBERNETES
    kinds = {"Job", "Namespace", "ConfigMap", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    assert {manifest["kind"] for manifest in found} >= kinds


def test_a_misspelt_field_is_refused(repository: Path) -> None:
    deployment = of_kind(repository, "Deployment")["traffic-meter"]
    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(deployment, KUBERNETES, strict=True)
