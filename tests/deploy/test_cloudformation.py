"""The bucket as infrastructure: its policies are those of the files, what runs print is covered, faults are found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_assets.environment import KEEP_RUNS_DAYS
from tests.deploy import deployed, looking
from tests.deploy.recording import recording
from tests.deploy.test_policies import AWS, actions
from tests.s3_server import S3Server
from tests.test_docs import ROOT, blocks

FILE = AWS / "platform.yaml"
NAMES = {"StorePolicy": "store-policy", "LandingPolicy": "landing-policy", "RunLogsPolicy": "run-logs-policy"}
_PLACES = {"${Bucket}": "BUCKET", "${StorePrefix}": "STORE", "${LandingPrefix}": "LANDING", "${AWS::Partition}": "aws"}

_PRINTS = """
import os, shutil, sys
import dagster as dg
from dagster._core.storage.compute_log_manager import ComputeIOType
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    manager, key = instance.compute_log_manager, ["a-run", "compute_logs", "a-step"]
    with manager.capture_logs(key):
        print("an owl", flush=True)
    shutil.rmtree(os.environ["RUN_LOGS_FOLDER"])
    assert b"an owl" in (manager.get_log_data(key).stdout or b""), "it was not kept"
    assert manager.get_log_keys_for_log_key_prefix(["a-run", "compute_logs"], ComputeIOType.STDOUT) == [key]
"""


class _Loader(yaml.SafeLoader):
    """Takes functions of CloudFormation for what they are given."""


def _given(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    del tag
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


_Loader.add_multi_constructor("!", _given)


def template(text: str | None = None) -> dict[str, Any]:
    return yaml.load(FILE.read_text(encoding="utf-8") if text is None else text, _Loader)


def unlike(said: dict[str, Any]) -> set[str]:
    """Policies of the template that are not those of the files."""
    found = set()
    for name, file in NAMES.items():
        document = json.dumps(said["Resources"][name]["Properties"]["PolicyDocument"])
        for place, word in _PLACES.items():
            document = document.replace(place, word)
        if json.loads(document) != json.loads((AWS / f"{file}.json").read_text(encoding="utf-8")):
            found.add(name)
    return found


def test_the_policies_are_those_of_the_files() -> None:
    assert unlike(template()) == set()
    wider = FILE.read_text(encoding="utf-8").replace("[s3:GetObject, s3:PutObject]", '[s3:GetObject, "s3:*"]')
    assert unlike(template(wider)) == {"RunLogsPolicy"}


def test_the_bucket_is_private_encrypted_and_loses_nothing_of_the_store() -> None:
    bucket = template()["Resources"]["Bucket"]
    said = bucket["Properties"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert set(said["PublicAccessBlockConfiguration"].values()) == {True}
    assert said["VersioningConfiguration"] == {"Status": "Enabled"}
    assert said["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = {rule["Id"]: rule for rule in said["LifecycleConfiguration"]["Rules"]}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    expiring = [rule for rule in rules.values() if "ExpirationInDays" in rule]
    settings = yaml.safe_load(deployed.CONFIG.read_text(encoding="utf-8"))
    assert [rule["Prefix"] for rule in expiring] == [settings["compute_logs"]["config"]["prefix"] + "/"]
    assert str(template()["Parameters"]["RunLogsDays"]["Default"]) == KEEP_RUNS_DAYS.default
    assert "AbortIncompleteMultipartUpload" in rules["unfinished-uploads"]


def test_roles_are_of_the_accounts_of_the_manifests() -> None:
    accounts = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/accounts.yaml").read_text(encoding="utf-8")))
    named = {
        one["metadata"]["name"]: one["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].rpartition("/")[2]
        for one in accounts
        if one["kind"] == "ServiceAccount"
    }
    roles = [one for one in template()["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
    trusted = {}
    for role in roles:
        trust = json.loads(role["Properties"]["AssumeRolePolicyDocument"])
        (statement,) = trust["Statement"]
        subject = statement["Condition"]["StringEquals"]["${OidcProvider}:sub"]
        trusted[subject.removeprefix("system:serviceaccount:image-assets:")] = role["Properties"]["RoleName"]
    assert trusted == named


def test_the_page_deploys_with_parameters_that_there_are() -> None:
    (command,) = [content for _, more, content in blocks(AWS / "README.md") if more == "stack"]
    assert set(re.findall(r"(\w+)=", command)) <= set(template()["Parameters"])
    assert (ROOT / re.findall(r"--template-file (\S+)", command)[0]) == FILE


def printed(server: S3Server, folder: Path) -> set[tuple[str, str]]:
    """What Dagster asks a bucket for when it keeps what a run prints, and shows it on another machine."""
    settings = yaml.safe_load(deployed.CONFIG.read_text(encoding="utf-8"))["compute_logs"]
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"compute_logs": settings}))
    with recording(server) as (options, used):
        told = {"RUN_LOGS_BUCKET": server.bucket(), "RUN_LOGS_FOLDER": str(folder / "printed")}
        told |= {"AWS_ENDPOINT_URL": options["aws_endpoint"], "AWS_REGION": options["aws_region"]}
        told |= {"AWS_ACCESS_KEY_ID": options["aws_access_key_id"]}
        told |= {"AWS_SECRET_ACCESS_KEY": options["aws_secret_access_key"]}
        done = subprocess.run(
            [sys.executable, "-c", _PRINTS, str(folder)],
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return used


@pytest.mark.long
def test_what_runs_print_uses_what_is_granted_and_nothing_else(s3_server: S3Server, tmp_path: Path) -> None:
    used = printed(s3_server, tmp_path)
    statements = json.loads((AWS / "run-logs-policy.json").read_text(encoding="utf-8"))["Statement"]
    granted = {action for one in statements if one["Effect"] == "Allow" for action in actions(one)}
    assert {part for _, part in used} == {"run-logs"}
    assert {action for action, _ in used} == granted


@pytest.mark.long
@pytest.mark.skipif(not looking.is_there(), reason="the environment of `make manifests` is not here")
@pytest.mark.parametrize(
    ("ours", "fault"),
    [
        ("BlockPublicAcls: true", "BlockPublicAkls: true"),
        ("!Ref RunLogsDays", "!Ref RunLogDays"),
        ("SSEAlgorithm: AES256", "SSEAlgorithm: ROT13"),
        ("Effect: Deny", "Effect: Forbid"),
        ("Condition: HasCluster", "Condition: HasKluster"),
    ],
)
def test_a_fault_in_the_template_is_found(ours: str, fault: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert ours in text
    assert looking.at_template(text) == []
    assert looking.at_template(text.replace(ours, fault)) != []
