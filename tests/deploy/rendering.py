"""The manifests as whoever follows `deploy/README.md` renders them, and the Job that Dagster makes of a run."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, cast

import dagster as dg
import yaml
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job
from dagster_k8s.launcher import K8sRunLauncher
from kubernetes.client import ApiClient

from tests.deploy.looking import kubectl
from tests.deploy.test_host import DEPLOY, named_block
from tests.test_docs import ROOT

Object = dict[str, Any]


def put_together(folder: Path, *, ray: bool) -> Path:
    """The page's own folder `cluster`, with names in their places; with machines of Ray, where that is asked for."""
    shutil.copytree(DEPLOY, folder / "deploy")
    shutil.copy(ROOT / "image_assets" / "datasets" / "sample.yaml", folder / "birds.yaml")
    subprocess.run(["bash", "-euc", named_block("kubernetes render")], cwd=folder, check=True)
    if ray:
        subprocess.run(["bash", "-euc", named_block("kubernetes ray")], cwd=folder, check=True)
    return folder / "cluster"


def rendered(cluster: Path) -> list[Object]:
    """All objects, as kubectl would apply them."""
    return list(yaml.safe_load_all(kubectl("kustomize", str(cluster))))


def pods_of_ray(cluster: Object) -> list[Object]:
    """Head and workers of a RayCluster as plain pods."""
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    pods = []
    for number, group in enumerate(groups):
        metadata = {**group["template"]["metadata"], "name": f"ray-{number}"}
        pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": group["template"]["spec"]})
    return pods


def plain(objects: list[Object]) -> list[Object]:
    """Objects of Kubernetes' own kinds alone: a RayCluster's pods in its place."""
    rays = [one for one in objects if one["kind"] == "RayCluster"]
    return [one for one in objects if one["kind"] != "RayCluster"] + [pod for one in rays for pod in pods_of_ray(one)]


def job_of_run(settings: str, folder: Path) -> Object:
    """The Job that is made of a run by the launcher of Dagster's settings.

    Args:
        settings: `dagster.yaml`, whose launcher it is. Where runs are recorded does not matter here, and is left out.
        folder: For what stands in the place of a cluster's address; nobody asks it.
    """
    said = yaml.safe_load(settings)
    address = {"cluster": {"server": "http://127.0.0.1:9"}, "name": "none"}
    context = {"context": {"cluster": "none", "user": "none"}, "name": "none"}
    known = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [address],
        "contexts": [context],
        "current-context": "none",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(known | {"users": [{"name": "none", "user": {}}]}))
    said["run_launcher"]["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(folder / "kubeconfig")}
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": said["run_launcher"]}))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, K8sRunLauncher)
        run = dg.DagsterRun(job_name="birds_daily", run_id="0b1e0d6a-0000-4000-8000-000000000000")
        context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=True)
        job = construct_dagster_k8s_job(
            context.get_k8s_job_config(job_image=None, run_launcher=launcher),
            args=["dagster", "api", "execute_run"],
            job_name=f"dagster-run-{run.run_id}",
            user_defined_k8s_config=context.run_k8s_config,
            component="run_worker",
        )
        made = cast(Object, ApiClient().sanitize_for_serialization(job))
    made["metadata"]["namespace"] = said["run_launcher"]["config"]["job_namespace"]
    return made


def pod_specs(objects: list[Object]) -> dict[str, Object]:
    """Of each object that makes pods, what they are."""
    found = {}
    for one in plain(objects):
        spec = one["spec"] if one["kind"] == "Pod" else one.get("spec", {}).get("template", {}).get("spec")
        if spec:
            found[f"{one['kind']} {one['metadata']['name']}"] = spec
    return found


@cache
def calls_of_the_launcher() -> set[tuple[str, str]]:
    """What Dagster's client asks of Kubernetes: verb and resource."""
    from dagster_k8s import client

    source = Path(client.__file__).read_text(encoding="utf-8")
    verbs = {"read": "get", "list": "list", "create": "create", "delete": "delete"}
    found = set()
    for verb, name in re.findall(r"_api\.(read|list|create|delete)_namespaced_(\w+)", source):
        kind, _, part = name.partition("_")
        found.add((verbs[verb], f"{kind}s/{part}" if part else f"{kind}s"))
    return found
