"""What may differ between the build before "the house, once more" and the one after it, and why: section 5 of that
change."""

import re
from typing import Any

# By state, and so 409; what does not exist is 404.
REFUSED_BY_STATE = (412, 409)
STALE = (409, 412)


def reason(operation: str, old: dict[str, Any], new: dict[str, Any], place: str, had: Any, has: Any) -> str | None:
    """Why this difference is expected, if it is."""
    name = re.sub(r"\[\d+\]", "", place).rsplit(".", 1)[-1]
    problem = "problem" in new["headers"].get("content-type", "")
    if place in ("status", "body.status", "body.title", "body.type"):
        statuses = (old["status"], new["status"])
        if statuses in (STALE, REFUSED_BY_STATE):
            return "a stale version is 412" if statuses == STALE else "a refusal by state is 409"
    if name == "etag" or place == "headers.etag" or (place == "headers.cache-control" and "etag" in new["headers"]):
        return "versions are told by ETag and If-Match alone"
    if has is ... and had == "":
        return "what is absent is absent, no empty text"
    if has is ... and isinstance(had, str) and had.endswith("_UNSPECIFIED"):
        return "no …_UNSPECIFIED in answers"
    if had is ... and name in ("params", "code") and problem and place.startswith("body."):
        return "problems and violations tell code and params"
    if had is ... and name in ("kind", "type", "case") and not problem:
        return "unions tell which of them they are"
    return None
