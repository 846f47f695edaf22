"""What schemathesis is told beside its own checks: a request that breaks the document's bounds is not done."""

import functools
import json
import os
import urllib.request
from typing import Any

import schemathesis
from bounds import Bounds


@functools.cache
def bounds() -> Bounds:
    with urllib.request.urlopen(os.environ["LYCEUM_FUZZ_DOCUMENT"], timeout=20) as answer:
        return Bounds(json.load(answer))


@schemathesis.check
def bounds_are_kept(ctx: Any, response: Any, case: Any) -> None:
    """What breaks a bound of the document and is done all the same is a bound that nobody judges by."""
    if not 200 <= response.status_code < 300:
        return
    operation = case.operation.definition.raw.get("operationId")
    body = case.body if isinstance(case.body, dict) else None
    parameters = {"path": dict(case.path_parameters or {}), "query": dict(case.query or {})}
    broken = bounds().broken(operation, body, parameters)
    if broken:
        raise AssertionError(f"{operation} was done although the request breaks the document: {'; '.join(broken)}")
