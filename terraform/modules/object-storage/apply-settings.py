#!/usr/bin/env python3
"""Says of each bucket what the providers cannot: versioning, CORS, lifecycle, policy. What was said is read back.

    terraform output -json bucket_settings | modules/object-storage/apply-settings.py [--check]

It needs boto3, and the key of a user who may change buckets as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. --check
changes nothing and exits with 1 where a bucket differs. S3_ENDPOINT names another server than the settings do, for
tests.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

# Newer clients add checksums that not every server understands; older ones do not know the question.
os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")

# What a bucket answers that has no such setting.
ABSENT = {"NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration", "NoSuchBucketPolicy", "NoSuchLifecycle"}


def read(call: Callable[[], dict[str, Any]], field: str) -> Any:
    try:
        return call().get(field)
    except ClientError as refused:
        if refused.response["Error"]["Code"] in ABSENT:
            return None
        raise


def is_part_of(wanted: Any, found: Any) -> bool:
    """Whether everything wanted is there; servers add fields of their own, and keep lists in an order of their own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            is_part_of(value, found.get(key)) for key, value in wanted.items() if value != ""
        )
    if isinstance(wanted, list):
        # Policies come back with a lone string where a list of one was said.
        found = found if isinstance(found, list) or found is None else [found]
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(any(is_part_of(item, other) for other in found) for item in wanted)
    return wanted == found or (isinstance(wanted, str) and isinstance(found, str) and wanted.lower() == found.lower())


def differences(s3: Any, settings: dict[str, Any]) -> list[str]:
    """Which settings of the bucket are not as they should be."""
    bucket = {"Bucket": settings["bucket"]}
    status = "Enabled" if settings["versioning"] else None
    found = {
        "versioning": read(lambda: s3.get_bucket_versioning(**bucket), "Status"),
        "cors": read(lambda: s3.get_bucket_cors(**bucket), "CORSRules"),
        "lifecycle": read(lambda: s3.get_bucket_lifecycle_configuration(**bucket), "Rules"),
        "policy": json.loads(read(lambda: s3.get_bucket_policy(**bucket), "Policy") or "null"),
    }
    different = []
    # A bucket whose versioning was turned off says Suspended.
    if (found["versioning"] == "Enabled") != (status == "Enabled"):
        different.append("versioning")
    for name in ("cors", "lifecycle"):
        if not is_part_of(settings[name], found[name] or []):
            different.append(name)
    if not is_part_of(settings["policy"], found["policy"]):
        different.append("policy")
    return different


def apply(s3: Any, settings: dict[str, Any], names: list[str]) -> None:
    bucket = {"Bucket": settings["bucket"]}
    if "versioning" in names:
        status = "Enabled" if settings["versioning"] else "Suspended"
        s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": status})
    if "cors" in names and settings["cors"]:
        s3.put_bucket_cors(**bucket, CORSConfiguration={"CORSRules": settings["cors"]})
    elif "cors" in names:
        s3.delete_bucket_cors(**bucket)
    if "lifecycle" in names:
        s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": settings["lifecycle"]})
    if "policy" in names:
        s3.put_bucket_policy(**bucket, Policy=json.dumps(settings["policy"]))


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    wrong = 0
    for purpose, settings in json.load(sys.stdin).items():
        s3 = boto3.client(
            "s3",
            endpoint_url=os.environ.get("S3_ENDPOINT", settings["endpoint"]),
            region_name=settings["region"],
            config=Config(s3={"addressing_style": "path"}),
        )
        names = differences(s3, settings)
        if not check and names:
            apply(s3, settings, names)
            print(f"{purpose}: {settings['bucket']}: changed {', '.join(names)}")
            names = differences(s3, settings)
        if names:
            wrong += 1
            print(f"{purpose}: {settings['bucket']}: differs in {', '.join(names)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
