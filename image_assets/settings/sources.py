"""Where images come from."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from image_assets.settings.annotated import CocoSource, OpenImagesSource
from image_assets.settings.arrivals import Arrivals, ArrivalsWithArchives


class FolderSource(ArrivalsWithArchives):
    """Files under `LANDING/<day>/<category>/**`, at any depth."""

    kind: Literal["folder"] = "folder"


class BucketSource(ArrivalsWithArchives):
    """Objects of a bucket, `s3://bucket/prefix`, or files of a local folder by the same code."""

    kind: Literal["bucket"]
    days: Literal["by_key", "by_last_modified"] = Field(
        default="by_key",
        description="Where an object's day of arrival is found: in its key, `<day>/<category>/**`, or in its last "
        "modification, in the dataset's time zone, with keys `<category>/**`.",
    )


def _network(text: str) -> str:
    """A network in CIDR notation. Raises `ValueError` for anything else."""
    return str(ipaddress.ip_network(text))


class UrlListSource(Arrivals):
    """CSV or Parquet files of URLs anywhere below `LANDING/<day>/`; every row is a file, which is downloaded."""

    kind: Literal["url_list"]
    url_column: str = Field(default="url", min_length=1, description="Column that holds the URL.")
    category_column: str = Field(default="category", min_length=1, description="Column that holds the category.")
    user_agent: str = Field(
        default="image-assets",
        pattern=r"^[\x21-\x7e][\x20-\x7e]*$",
        description="What servers are told; its first word is looked for in robots.txt. Say how you can be reached.",
    )
    robots: bool = Field(default=True, description="Whether robots.txt is asked before a download.")
    concurrency: int = Field(default=64, ge=1, le=1_000, description="Downloads at a time.")
    per_host: int = Field(default=4, ge=1, le=100, description="Downloads at a time from one host.")
    delay_seconds: float = Field(
        default=0.05, ge=0, le=60, description="From the start of a download to the start of the next on one host."
    )
    connect_seconds: float = Field(default=10, gt=0, le=300, description="Longest wait for a connection.")
    download_seconds: float = Field(
        default=60, gt=0, le=3_600, description="Longest time that a try may take, from its beginning to the last byte."
    )
    retries: int = Field(
        default=2, ge=0, le=10, description="Further tries within a run, after a failure that can pass by itself."
    )
    backoff_seconds: float = Field(
        default=1, ge=0, le=60, description="Wait before the first further try; doubled before each of the next."
    )
    max_redirects: int = Field(default=5, ge=0, le=20, description="Redirects that are followed; each is checked.")
    ports: tuple[Annotated[int, Field(ge=1, le=65_535)], ...] = Field(
        default=(80, 443), min_length=1, description="Ports that URLs may name."
    )
    allow_addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        default=(),
        description="Networks (such as 10.1.0.0/16) that may be downloaded from though they are not public. Whoever "
        "writes the lists can then read what is served there.",
    )


AnySource = Annotated[
    FolderSource | BucketSource | UrlListSource | OpenImagesSource | CocoSource, Field(discriminator="kind")
]
