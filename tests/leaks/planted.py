"""A deployment whose every secret is known: what is set in its environment, and commands that are given in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import yaml

from image_assets.store.store import Store
from tests.alerts.receivers import MailServer, Webhook
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset
from tests.s3_server import S3Server

CONSOLE_TOKEN = "planted-Token-of-the-console"
WEBHOOK_PASSWORD, WEBHOOK_PATH = "planted+Password=of/the hook", "planted-Path-of-the-hook"
UI_PASSWORD = "planted-Password-of-the-ui"
PROXY_PASSWORD = "planted-Password-of-the-proxy"
ROOT = Path(__file__).parents[2]


@dataclass
class Planted:
    """Places and environment of a deployment.

    Attributes:
        root: Where landing zone, home, caches and temporary files are.
        server: Of the store.
        hook: Takes alerts, and does not while it is not `up`.
        mails: The same.
        store: Where the tables are.
        secrets: By what they are.
        variables: The environment.
    """

    root: Path
    server: S3Server
    database: str = ""
    hook: Webhook = field(default_factory=Webhook)
    mails: MailServer = field(default_factory=MailServer)
    store: Store = field(init=False)
    secrets: dict[str, str] = field(init=False)
    variables: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        channels = [{"url_env": "TEAM_URL"}, {"url_env": "MAIL_URL"}]
        changes = {"extractor": {"kind": "colour_statistics"}, "alerts": {"channels": channels}}
        changes |= {"label_conflicts": {"limit": 1}}  # little is drawn, and looks alike
        platform = Platform(small_dataset(**changes), self.root)
        for kind, category in enumerate(platform.dataset.categories):
            land_pictures(platform.landing, str(FIRST), category, kind, range(6))
        (platform.landing / str(FIRST) / "plant" / "broken.png").write_bytes(b"<html>404</html>")
        (self.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
        self.store = Store(f"s3://{self.server.bucket()}/store", self.server.storage_options)
        self.secrets = {
            "secret key of the bucket": self.server.secret_key,
            "token of the console": CONSOLE_TOKEN,
            "password of the webhook": WEBHOOK_PASSWORD,
            "path of the webhook": WEBHOOK_PATH,
            "password of the mail server": self.mails.password,
            "password of the UI": UI_PASSWORD,
            "password of the proxy": PROXY_PASSWORD,
        }
        self.variables = self._environment()

    def _environment(self) -> dict[str, str]:
        from urllib.parse import quote

        for name in ("home", "tmp", "user"):
            (self.root / name).mkdir(parents=True)
        named = ("DAGSTER", "IMAGE_ASSETS", "AWS")
        made = {name: value for name, value in os.environ.items() if not name.startswith(named)}
        hook = f"json://user:{quote(WEBHOOK_PASSWORD, safe='')}@127.0.0.1:{self.hook.port}/hook/{WEBHOOK_PATH}"
        made |= {
            "PYTHONPATH": str(ROOT),
            "MPLCONFIGDIR": matplotlib.get_cachedir(),
            "HOME": str(self.root / "user"),
            "TMPDIR": str(self.root / "tmp"),
            "DAGSTER_HOME": str(self.root / "home"),
            "IMAGE_ASSETS_CACHE": str(self.root / "cache"),
            "IMAGE_ASSETS_ALERT_LEDGER": str(self.root / "alerts.sqlite"),
            "IMAGE_ASSETS_DATASETS": str(self.root / "drawn.yaml"),
            "IMAGE_ASSETS_LANDING": str(self.root / "landing"),
            "IMAGE_ASSETS_STORE": self.store.url,
            "IMAGE_ASSETS_CONSOLE_TOKEN": CONSOLE_TOKEN,
            "IMAGE_ASSETS_UI_URL": f"http://user:{UI_PASSWORD}@ui.example.org",
            "TEAM_URL": hook,
            "MAIL_URL": self.mails.url,
            "AWS_ENDPOINT_URL": self.server.endpoint,
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_REGION": self.server.region,
            "AWS_ALLOW_HTTP": "true",
        }
        if self.database:
            made["RUNS_DATABASE"] = self.database
        return made

    def says(self, *words: str, changed: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """A command's exit status, and all that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "image_assets.cli", *words],
            cwd=self.root,
            env=self.variables | {**(changed or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout
