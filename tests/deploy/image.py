"""`python -m tests.deploy.image TARGET …`: builds images without Docker, and has each say that it is well.

Needs Debian's packages buildah and mmdebstrap, root, and package registries. The base is made of Debian's packages,
with this machine's certificates, instead of the one that the Containerfile names. What was built stays in `FOLDER`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from tests.deploy.images import CONTAINERS, images
from tests.test_docs import ROOT

FOLDER = ROOT / "build" / "images"
BASE = "localhost/image-assets-base:debian-12"
PACKAGES = "python3,python3-venv,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs")
_PATIENCE = 60
_STARTED = (
    'command=$1; health=$2; sh -c "$command" > /tmp/log 2>&1 & '
    f"for i in $(seq {_PATIENCE}); do sleep 2; "
    'if sh -c "$health" > /tmp/health 2>&1; then cat /tmp/health; kill $!; exit 0; fi; done; '
    "cat /tmp/log /tmp/health; kill $!; exit 1"
)


def buildah(*words: str) -> str:
    """What buildah says; it shows its progress itself. Raises `subprocess.CalledProcessError`."""
    kept = ["--root", str(FOLDER / "kept"), "--runroot", str(FOLDER / "run"), "--storage-driver", "vfs"]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(FOLDER), "TMPDIR": str(FOLDER)}
    done = subprocess.run(["buildah", *kept, *words], stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return done.stdout.strip()


def make_base() -> None:
    """Debian with its Python, as an image; one that is there stays."""
    if BASE in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        return
    archive = FOLDER / "base.tar"
    made = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={PACKAGES}", "bookworm", str(archive)]
    subprocess.run(made, check=True)
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(archive), "/")
    buildah("add", "--quiet", container, str(CERTIFICATES), str(CERTIFICATES))
    buildah("config", "--env", f"SSL_CERT_FILE={CERTIFICATES}/ca-certificates.crt", container)
    buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah("commit", "--quiet", "--format", "docker", "--rm", container, BASE)
    archive.unlink()


def build(target: str) -> str:
    """An image of the Containerfile; its name."""
    name = f"localhost/image-assets/{target}:built"
    how = [
        "--isolation",
        "chroot",
        "--format",
        "docker",
        "--layers=false",
        "--pull-never",
        "--build-arg",
        f"BASE={BASE}",
    ]
    what = ["--target", target, "--tag", name, "--file", str(CONTAINERS / "Containerfile"), str(ROOT)]
    buildah("build-using-dockerfile", *how, *what)
    return name


def see_it_well(target: str, name: str) -> str:
    """Start what an image runs, and ask as its health check does until it is well; what that says.

    Raises:
        subprocess.CalledProcessError: it was not well in time.
    """
    image = images()[target]
    container = buildah("from", "--pull-never", name)
    try:
        words = [" ".join(f"'{one}'" for one in said) for said in (image.command, _plain(image.health))]
        run = ["run", "--isolation", "chroot", "--user", image.user, "--env", "AWS_ACCESS_KEY_ID=a", *_extra(target)]
        return buildah(*run, container, "--", "sh", "-c", _STARTED, "sh", *words)
    finally:
        buildah("rm", container)


def _plain(words: list[str]) -> list[str]:
    """Words that stand in single quotes in a shell."""
    return [word.replace("'", '"') for word in words]


def _extra(target: str) -> list[str]:
    """What a service asks of its surroundings."""
    if target == "store":
        return ["--env", "AWS_SECRET_ACCESS_KEY=b"]
    if target != "gate":
        return []
    people = FOLDER / "people"
    people.write_text("ada $2a$04$" + "a" * 53 + "\n")
    people.chmod(0o644)
    return ["--env", "WEBSERVER=127.0.0.1:1", "--volume", f"{people}:/etc/gate/people:ro"]


def main() -> int:
    """Build and start the images that are named."""
    console = Console()
    missing = [one for one in ("buildah", "mmdebstrap") if shutil.which(one) is None]
    if missing:
        console.print(f"not built: {' and '.join(missing)} not installed; Debian has packages of that name")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_base()
    for target in sys.argv[1:] or ["code"]:
        name = build(target)
        told = see_it_well(target, name).splitlines()
        size = buildah("images", "--format", "{{.Size}}", name)
        console.print(f"{target}: {size}, started, and is well {told[-1] if told else ''}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
