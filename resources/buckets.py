"""Buckets made, emptied and deleted, through dagster-aws's S3 resource."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_assets.errors import Explained
from image_assets.places import PlaceError, place_of
from image_assets.store.retrying import TRIES
from image_assets.store.s3 import s3_settings
from image_assets.store.trouble import said_of
from image_assets.workers import Progress, no_progress

_BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_PUBLIC = re.compile(r"/groups/global/(AllUsers|AuthenticatedUsers)$")
_LACKS_IT = ("NotImplemented", "MethodNotAllowed")
_NOT_THERE = ("404", "NoSuchBucket", "NotFound")
# What XML, in which many keys are deleted at once, cannot hold or does not keep.
_NOT_IN_XML = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


class BucketError(Explained):
    """What was asked of a bucket cannot be done: the message says why and what to do."""


@dataclass(frozen=True)
class Created:
    """What `create` found or made.

    Attributes:
        is_new: Whether the bucket was made just now.
        is_blocked: Whether the server refuses to make anything in it public; None where it has no such setting.
    """

    is_new: bool
    is_blocked: bool | None


class Bucket:
    """A bucket, and the part of it that a URL means.

    Args:
        url: `s3://bucket` or, to empty a part, `s3://bucket/prefix`.
        options: Options of the object store under object_store's names; what they do not say, the environment says.

    Raises:
        BucketError: another kind of URL.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        from dagster_aws.s3 import S3Resource  # takes a moment

        try:
            place = place_of(url, "bucket")
        except PlaceError as error:
            raise BucketError(str(error)) from None
        if place.folder is not None:
            raise BucketError(f"bucket {url!r}: expected s3://bucket or s3://bucket/prefix")
        self.name, self.prefix = place.bucket, place.prefix
        self._settings = s3_settings(options or {})
        resource: Any = S3Resource
        self._client = resource(max_attempts=TRIES, **self._settings).get_client()

    def create(self) -> Created:
        """Make the bucket, private; one of ours that is there is left as it is.

        Raises:
            BucketError: it belongs to somebody else, or is not allowed.
        """
        self._refuse_prefix("created")
        with _errors(self.name):
            is_new = not self._is_there()
            if is_new:
                region = self._settings.get("region_name", "us-east-1")
                # The oldest region is meant by saying none.
                where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
                self._client.create_bucket(Bucket=self.name, **where)
                self._block_public_access()
            return Created(is_new, self._is_blocked())

    def is_public(self) -> bool:
        """Whether everybody is granted something by its access list; false where the server has none."""
        with _errors(self.name):
            try:
                grants = self._client.get_bucket_acl(Bucket=self.name)["Grants"]
            except ClientError as error:
                if _code(error) in _LACKS_IT:
                    return False
                raise
        return any(_PUBLIC.search(grant["Grantee"].get("URI", "")) for grant in grants)

    def is_empty(self) -> bool:
        """Whether nothing is in it, no earlier version either. Raises `BucketError`."""
        with _errors(self.name):
            return next(self._versions(), None) is None

    def empty(self, progress: Progress = no_progress) -> int:
        """Delete all objects below the prefix, with all their versions, and end unfinished uploads.

        Args:
            progress: Told of the objects deleted and of those found so far.

        Returns:
            How many objects and versions were deleted.

        Raises:
            BucketError: something could not be deleted. What is gone is gone; it can be run again.
        """
        done = 0
        with _errors(self.name):
            for page in self._versions():
                progress(done, done + len(page))
                self._delete(page)
                done += len(page)
                progress(done, done)
            self._end_uploads(None)
        return done

    def end_uploads(self, before: dt.datetime, *, dry_run: bool = False) -> int:
        """End uploads in parts that were begun before a moment and never finished; how many there were.

        Raises:
            BucketError: they cannot be listed or ended.
        """
        with _errors(self.name):
            return self._end_uploads(before, dry_run=dry_run)

    def _end_uploads(self, before: dt.datetime | None, *, dry_run: bool = False) -> int:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=self._begin)
        uploads = [one for page in pages for one in page.get("Uploads", ())]
        old = [one for one in uploads if before is None or one["Initiated"] < before]
        for one in () if dry_run else old:
            self._client.abort_multipart_upload(Bucket=self.name, Key=one["Key"], UploadId=one["UploadId"])
        return len(old)

    def delete(self) -> None:
        """Delete the bucket.

        Raises:
            BucketError: it is not there, or not empty.
        """
        self._refuse_prefix("deleted")
        # Not every server refuses by itself to delete what is not empty.
        if not self.is_empty():
            raise BucketError(
                f"bucket {self.name} is not empty; first run `image-assets bucket empty s3://{self.name}`"
            )
        with _errors(self.name):
            self._client.delete_bucket(Bucket=self.name)

    @property
    def _begin(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def _refuse_prefix(self, done: str) -> None:
        if self.prefix:
            raise BucketError(f"a bucket is {done} as a whole; give s3://{self.name} without {self.prefix!r}")

    def _is_there(self) -> bool:
        try:
            self._client.head_bucket(Bucket=self.name)
        except ClientError as error:
            if _code(error) in _NOT_THERE:
                return False
            raise
        return True

    def _block_public_access(self) -> None:
        try:
            self._client.put_public_access_block(
                Bucket=self.name, PublicAccessBlockConfiguration=dict.fromkeys(_BLOCK, True)
            )
        except ClientError as error:
            if _code(error) not in _LACKS_IT:
                raise

    def _is_blocked(self) -> bool | None:
        try:
            found = self._client.get_public_access_block(Bucket=self.name)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if _code(error) in _LACKS_IT:
                return None
            if _code(error) == "NoSuchPublicAccessBlockConfiguration":
                return False
            raise
        return all(found.get(name) for name in _BLOCK)

    def _versions(self) -> Iterator[list[dict[str, str]]]:
        """Keys and versions, page by page."""
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.name, Prefix=self._begin):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if found:
                yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]

    def _delete(self, objects: list[dict[str, str]]) -> None:
        odd = [one for one in objects if _NOT_IN_XML.search(one["Key"])]
        plain = [one for one in objects if not _NOT_IN_XML.search(one["Key"])]
        for one in odd:
            self._client.delete_object(Bucket=self.name, **one)
        if plain:
            answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": plain, "Quiet": True})
            for refusal in answer.get("Errors", ()):
                said = refusal.get("Message") or refusal.get("Code")
                raise BucketError(f"bucket {self.name}: {refusal.get('Key')!r} cannot be deleted: {said}")


@contextmanager
def _errors(bucket: str) -> Iterator[None]:
    """Turn what boto3 raises into a `BucketError`."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BucketError(f"bucket {bucket}: {said_of(error)}") from None


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
