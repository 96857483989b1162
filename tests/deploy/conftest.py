"""Deployments for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.deployed import Deployed
from tests.postgres_server import PostgresServer
from tests.s3_server import S3Server


@pytest.fixture
def deploy(
    tmp_path: Path, postgres_server: PostgresServer, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Deployed]:
    """Make a deployment of so many days that is not up yet; this process too reads its settings."""

    def make(days: int, *, begin_again: bool = True) -> Deployed:
        made = Deployed(tmp_path, postgres_server.new_database(), s3_server, days, begin_again=begin_again)
        for name, value in made.variables.items():
            monkeypatch.setenv(name, value)
        return made

    return make
