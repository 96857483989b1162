"""S3 as boto3 and `S3Resource` are told of it, from the options that the store and Delta take.

Where obstore is used it is faster; boto3 lists keys that obstore cannot name, and makes and deletes buckets.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from image_assets.store.retrying import OF_BOTO

# S3Resource's name → object_store's names: in options in lower case, in the environment in upper case.
_NAMES = {
    "endpoint_url": ("aws_endpoint", "aws_endpoint_url"),
    "region_name": ("aws_region", "aws_default_region"),
    "aws_access_key_id": ("aws_access_key_id",),
    "aws_secret_access_key": ("aws_secret_access_key",),
    "aws_session_token": ("aws_session_token", "aws_token"),
}


def s3_settings(options: Mapping[str, str]) -> dict[str, str]:
    """Settings of `S3Resource`, and arguments of `boto3.client`, that mean what the store's options mean.

    Args:
        options: Under object_store's names; what they do not say, the `AWS_…` environment variables say.
    """
    found: dict[str, str] = {}
    for setting, names in _NAMES.items():
        values = [options[name] for name in names if options.get(name)]
        values += [os.environ[name.upper()] for name in names if os.environ.get(name.upper())]
        if values:
            found[setting] = values[0]
    return found


def s3_client(options: Mapping[str, str]) -> Any:
    """A client; its calls are repeated with back-off."""
    import boto3  # takes a moment, and most processes need none
    from botocore.config import Config

    return boto3.client("s3", config=Config(retries=OF_BOTO), **s3_settings(options))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class UsualCredentials:
    """Credentials for obstore as boto3 finds them: the environment, `~/.aws`, single sign-on, the machine's role.

    What lists a bucket and what reads it then agree. It can be pickled, and looks again on every machine.
    """

    lasts: dt.timedelta = dt.timedelta(minutes=15)

    def __call__(self) -> dict[str, Any]:
        """The keys, as obstore takes them.

        Raises:
            PermissionError: there are none.
        """
        import boto3

        found = boto3.Session().get_credentials()
        if found is None:
            raise PermissionError("there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        keys = found.get_frozen_credentials()
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": dt.datetime.now(dt.UTC) + self.lasts,
        }
