"""Object stores in buckets. Whoever asks for the same place again is given the same one, with its open connections."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from obstore.store import S3Store

from image_assets.places import Place
from image_assets.store.retrying import OF_OBSTORE
from image_assets.store.s3 import UsualCredentials, s3_settings

Settings = tuple[tuple[str, str], ...]
"""Names and values, in order."""
_ALLOW_HTTP = "aws_allow_http"
# As many as a run of a dataset with some hundred categories asks for; each holds what its client needs, some 100 kB.
_KEPT = 256
# What is read of the environment when a store is made.
_READ_BEFORE = ("AWS_", "SSL_CERT_")
_READ = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


def bucket_objects(place: Place, options: Mapping[str, str]) -> S3Store:
    """An object store rooted at a place in a bucket.

    A new one would begin with new connections and ask for credentials again: a day's run asks for hundreds.

    Args:
        place: Which.
        options: Under object_store's names; what they do not say, the `AWS_…` environment variables say.
    """
    # What they refer to is looked up again where the environment changes. A process that was forked has none of the
    # threads that serve the connections of the one before.
    return _opened(place, tuple(sorted(options.items())), _environment(), os.getpid())


@lru_cache(maxsize=_KEPT)
def _opened(place: Place, options: Settings, environment: Settings, process: int) -> S3Store:  # noqa: ARG001
    # obstore wants the client's own options apart from those of S3; Delta takes both together.
    config = {name: value for name, value in options if name != _ALLOW_HTTP}
    allow_http = dict(options).get(_ALLOW_HTTP, os.environ.get(_ALLOW_HTTP.upper(), ""))
    settings: dict[str, Any] = {
        "config": config,
        "client_options": {"allow_http": allow_http.lower() == "true"},
        "retry_config": OF_OBSTORE,
    }
    if "aws_access_key_id" not in s3_settings(dict(options)):
        settings["credential_provider"] = UsualCredentials()
    return S3Store(place.bucket, prefix=place.prefix or None, **settings)


def _environment() -> Settings:
    found = os.environ.items()
    return tuple(sorted(one for one in found if one[0].startswith(_READ_BEFORE) or one[0].upper() in _READ))
