"""The manifests of a cluster, rendered as their page says, and the Job of a run: what they name is there."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_assets.environment import refuse_unknown
from tests.deploy import deployed, looking
from tests.deploy.images import images
from tests.deploy.rendering import (
    Object,
    calls_of_the_launcher,
    job_of_run,
    plain,
    pod_specs,
    put_together,
    rendered,
)
from tests.deploy.test_containers import VERSION
from tests.deploy.test_host import named_block
from tests.test_docs import ROOT

SECRETS = {"records", "console", "people", "certificate"}
_MISSING = "the environment of `make manifests` is not here"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not looking.is_there():
        pytest.skip(_MISSING)
    return put_together(tmp_path_factory.mktemp("cluster"), ray=True)


@pytest.fixture(scope="module")
def objects(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """All that is applied, and the Job of a run."""
    settings = (cluster / "dagster.yaml").read_text(encoding="utf-8")
    return [*rendered(cluster), job_of_run(settings, tmp_path_factory.mktemp("launcher"))]


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def containers(objects: list[Object]) -> dict[str, Object]:
    """All containers, by whose they are."""
    specs = pod_specs(objects).items()
    return {f"{name}: {one['name']}": one for name, spec in specs for one in spec["containers"]}


def unsafe(objects: list[Object]) -> set[str]:
    """Pods and containers that may be root, or become it, or take what others need."""
    found = set()
    for name, spec in pod_specs(objects).items():
        said = spec.get("securityContext", {})
        if not (said.get("runAsNonRoot") and said.get("runAsUser") and said.get("seccompProfile")):
            found.add(name)
        for one in spec["containers"]:
            said = one.get("securityContext", {})
            if said.get("allowPrivilegeEscalation") is not False or said.get("capabilities") != {"drop": ["ALL"]}:
                found.add(f"{name}: {one['name']}")
            sizes = one.get("resources", {})
            if not ({"cpu", "memory"} <= set(sizes.get("requests", {})) and "memory" in sizes.get("limits", {})):
                found.add(f"{name}: {one['name']}")
    return found


def test_every_object_is_as_the_schemas_of_kubernetes_say(objects: list[Object]) -> None:
    assert looking.at_objects(plain(objects)) == []
    assert len(plain(objects)) == len(objects) + 1  # a head and a kind of workers in the place of one RayCluster


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("Deployment", "code", "spec.template.spec.containers.0.imagePulPolicy", "Always"),
        ("Deployment", "daemon", "spec.replicas", "one"),
        ("Job", "dagster-run-0b1e0d6a-0000-4000-8000-000000000000", "spec.template.spec.restartPolice", "Never"),
        ("NetworkPolicy", "gate", "spec.ingres", []),
        ("Service", "gate", "spec.ports.0.port", "three"),
    ],
)
def test_a_fault_in_an_object_is_found(objects: list[Object], kind: str, name: str, path: str, value: object) -> None:
    damaged = copy.deepcopy(of_kind(objects, kind)[name])
    *steps, last = path.split(".")
    place: Any = damaged
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    assert looking.at_objects([damaged]) != []


def test_what_stands_around_the_pods_of_ray_is_what_is_known_of_it(objects: list[Object]) -> None:
    spec = of_kind(objects, "RayCluster")["ray"]["spec"]
    assert set(spec) == {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
    head, (workers,) = spec["headGroupSpec"], spec["workerGroupSpecs"]
    assert set(head) == {"serviceType", "rayStartParams", "template"}
    counts = {"groupName", "replicas", "minReplicas", "maxReplicas"}
    assert set(workers) == {*counts, "rayStartParams", "template"}
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert f"\nray=={spec['rayVersion']} " in lock
    ray = str(Path(sys.executable).with_name("ray"))
    known = subprocess.run([ray, "start", "--help"], capture_output=True, text=True, check=True).stdout
    for option in {*head["rayStartParams"], *workers["rayStartParams"]}:
        assert f"--{option} " in known
    assert all(isinstance(value, str) for value in head["rayStartParams"].values())


def test_nothing_is_root_or_without_limits(objects: list[Object]) -> None:
    assert unsafe(objects) == set()
    for path in (["spec", "template", "spec", "securityContext", "runAsNonRoot"],):
        damaged = copy.deepcopy(of_kind(objects, "Deployment")["daemon"])
        place = damaged
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        assert unsafe([damaged]) == {"Deployment daemon"}
    damaged = copy.deepcopy(of_kind(objects, "Deployment")["daemon"])
    del damaged["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert unsafe([damaged]) == {"Deployment daemon: daemon"}
    enforced = of_kind(objects, "Namespace")["image-assets"]["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"


def test_images_are_of_a_version_and_are_those_that_are_built(objects: list[Object]) -> None:
    for whose, one in containers(objects).items():
        image, _, tag = one["image"].rpartition(":")
        assert tag == VERSION, whose
        assert image.startswith("registry.birds.example.net/image-assets/")
        assert images()[image.rpartition("/")[2]].user
    runs = {
        whose: one["image"]
        for whose, one in containers(objects).items()
        if whose.startswith(("Job", "Deployment code"))
    }
    assert {image.rpartition("/")[2] for image in runs.values()} == {f"ray:{VERSION}"}


def test_no_place_is_left_open(cluster: Path) -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in cluster.rglob("*.*"))
    for place in ("ACCOUNT", "BIRDS-BUCKET", "example.org", "REGISTRY"):
        assert place in "".join(file.read_text(encoding="utf-8") for file in (ROOT / "deploy/kubernetes").rglob("*.*"))
        said = [line for line in text.splitlines() if place in line and not line.startswith("#")]
        assert said == []


def told(objects: list[Object], one: Object) -> set[str]:
    """Names of all variables that a container has, but for those of Kubernetes itself and of secrets."""
    settings = of_kind(objects, "ConfigMap")["settings"]["data"]
    image = images()[one["image"].rpartition("/")[2].partition(":")[0]].environment
    of_maps = settings if any("configMapRef" in source for source in one.get("envFrom", [])) else {}
    return {*image, *of_maps, *(variable["name"] for variable in one.get("env", []))}


def test_every_variable_is_one_that_is_read_and_all_that_is_read_is_set(objects: list[Object]) -> None:
    read: set[str] = set()
    for file in (deployed.CONFIG, deployed.WORKSPACE):
        read |= set(re.findall(r"env: (\w+)", file.read_text(encoding="utf-8")))
    for whose, one in containers(objects).items():
        names = told(objects, one)
        refuse_unknown(names)
        secrets = {source["secretRef"]["name"] for source in one.get("envFrom", []) if "secretRef" in source}
        if "records" in secrets:
            assert read - {"RUNS_DATABASE"} <= names, whose
    script = named_block("kubernetes secrets")
    given = dict(re.findall(r"generic (\w+) --from-literal=(\w+)=", script))
    assert given == {"records": "RUNS_DATABASE", "console": "IMAGE_ASSETS_CONSOLE_TOKEN"}
    refuse_unknown(given.values())


def said_secrets(objects: list[Object]) -> set[str]:
    """Variables that hold a secret, and are given it in the manifests themselves."""
    of_maps = {name for one in of_kind(objects, "ConfigMap").values() for name in one["data"]}
    given = {one["name"] for box in containers(objects).values() for one in box.get("env", []) if "value" in one}
    return {name for name in of_maps | given if re.search(r"PASSWORD|SECRET|TOKEN|DATABASE", name)}


def test_secrets_are_named_and_not_said(objects: list[Object], tmp_path: Path) -> None:
    assert of_kind(objects, "Secret") == {}
    text = yaml.safe_dump_all(objects)
    asked = set(re.findall(r"secretRef:\s+name: (\w+)|secretName: (\w+)", text))
    assert {name for pair in asked for name in pair if name} == SECRETS
    assert said_secrets(objects) == set()
    damaged = copy.deepcopy(of_kind(objects, "ConfigMap")["settings"])
    damaged["data"]["RUNS_DATABASE"] = "somewhere"
    assert said_secrets([damaged]) == {"RUNS_DATABASE"}
    for name in ("people", "certificate.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    made = set()
    for line in named_block("kubernetes secrets").splitlines()[1:]:
        if " tls " in line:  # it looks into the certificate
            made.add(re.findall(r"tls (\w+) ", line)[0])
            continue
        words = f"{line} --dry-run=client -o yaml".replace("kubectl", str(looking.PLACE / "bin/kubectl"), 1)
        done = subprocess.run(
            ["bash", "-euc", words],
            cwd=tmp_path,
            env={"RUNS_DATABASE": "x", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        secret = yaml.safe_load(done.stdout)
        assert looking.at_objects([secret]) == []
        made.add(secret["metadata"]["name"])
    assert made == SECRETS


def test_dagster_is_set_as_the_production_test_runs_it_and_starts_jobs(cluster: Path, objects: list[Object]) -> None:
    said = yaml.safe_load(of_kind(objects, "ConfigMap")["dagster"]["data"]["dagster.yaml"])
    launcher = said.pop("run_launcher")
    assert said == yaml.safe_load(deployed.CONFIG.read_text(encoding="utf-8"))
    assert launcher["class"] == "K8sRunLauncher"
    assert launcher["config"]["instance_config_map"] == "dagster"
    (job,) = of_kind(objects, "Job").values()
    assert job["spec"]["backoffLimit"] == 0
    (run,) = job["spec"]["template"]["spec"]["containers"]
    home = images()["code"].environment["DAGSTER_HOME"]
    assert f"{home}/dagster.yaml" in {mount["mountPath"] for mount in run["volumeMounts"]}
    damaged = {"run_launcher": {**launcher, "config": {**launcher["config"], "job_namespase": "x"}}}
    with pytest.raises(Exception, match="job_namespase"):
        job_of_run(yaml.safe_dump(damaged), cluster)


def test_the_launcher_may_ask_what_it_asks_and_nothing_else(objects: list[Object]) -> None:
    (role,) = of_kind(objects, "Role").values()
    may = {(verb, resource) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert may == calls_of_the_launcher() - {("delete", "pods")}  # that is of another way to run steps
    specs = pod_specs(objects)
    accounts = {name: spec["serviceAccountName"] for name, spec in specs.items()}
    assert {name for name, account in accounts.items() if account == "launcher"} == {
        "Deployment daemon",
        "Deployment webserver",
    }
    assert of_kind(objects, "ServiceAccount")["platform"]["automountServiceAccountToken"] is False


def labels(objects: list[Object]) -> list[dict[str, str]]:
    found = []
    for one in plain(objects):
        spec = one if one["kind"] == "Pod" else one.get("spec", {}).get("template")
        if spec:
            found.append(spec["metadata"]["labels"])
    return found


def chosen(selector: Object, objects: list[Object]) -> list[dict[str, str]]:
    wanted = {**selector.get("matchLabels", {})}
    either = {one["key"]: one["values"] for one in selector.get("matchExpressions", [])}
    return [
        one
        for one in labels(objects)
        if all(one.get(key) == value for key, value in wanted.items())
        and all(one.get(key) in values for key, values in either.items())
    ]


def test_services_policies_and_the_ingress_lead_to_something(objects: list[Object]) -> None:
    ports = {whose.partition(":")[0]: set() for whose in containers(objects)}
    for whose, one in containers(objects).items():
        ports[whose.partition(":")[0]] |= {port["name"] for port in one.get("ports", [])}
    for service in of_kind(objects, "Service").values():
        ((role,),) = [
            [one["image-assets/role"]] for one in chosen({"matchLabels": service["spec"]["selector"]}, objects)
        ]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[f"Deployment {role}"]
    for policy in of_kind(objects, "NetworkPolicy").values():
        assert chosen(policy["spec"]["podSelector"], objects)
        for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]:
            for peer in [*rule.get("from", []), *rule.get("to", [])]:
                assert "podSelector" not in peer or chosen(peer["podSelector"], objects)
    gate = {port["name"] for port in of_kind(objects, "Service")["gate"]["spec"]["ports"]}
    for rule in of_kind(objects, "Ingress")["gate"]["spec"]["rules"]:
        (path,) = rule["http"]["paths"]
        assert path["backend"]["service"]["name"] == "gate"
        assert path["backend"]["service"]["port"]["name"] in gate
    names = [rule["host"] for rule in of_kind(objects, "Ingress")["gate"]["spec"]["rules"]]
    assert containers(objects)["Deployment console: console"]["command"][-1] in names


def test_what_is_mounted_is_there(objects: list[Object]) -> None:
    maps = of_kind(objects, "ConfigMap")
    for spec in pod_specs(objects).values():
        volumes = {one["name"]: one for one in spec["volumes"]}
        for one in spec["containers"]:
            for mount in one["volumeMounts"]:
                source = volumes[mount["name"]].get("configMap", {}).get("name")
                if source is not None and "subPath" in mount:
                    assert mount["subPath"] in maps[source]["data"]
    dataset = maps["settings"]["data"]["IMAGE_ASSETS_DATASETS"]
    assert Path(dataset).name in maps["datasets"]["data"]


def test_without_machines_of_ray_nothing_of_it_is_there(tmp_path: Path, cluster: Path) -> None:
    alone = rendered(put_together(tmp_path, ray=False))
    assert "RayCluster" not in {one["kind"] for one in alone}
    assert "RAY_ADDRESS" not in of_kind(alone, "ConfigMap")["settings"]["data"]
    with_ray = of_kind(rendered(cluster), "ConfigMap")["settings"]["data"]
    assert with_ray["RAY_ADDRESS"] == "ray://ray-head-svc:10001"
    assert with_ray["IMAGE_ASSETS_ENGINE"] == "ray"
