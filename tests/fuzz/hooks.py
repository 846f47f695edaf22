"""What schemathesis is told beside its own checks: a request that breaks the document is not done."""

import functools
import json
import os
import urllib.request
from typing import Any

import schemathesis
from bounds import Bounds
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.specs.openapi.checks import negative_data_rejection


@functools.cache
def bounds() -> Bounds:
    with urllib.request.urlopen(os.environ["LYCEUM_FUZZ_DOCUMENT"], timeout=20) as answer:
        return Bounds(json.load(answer))


def broken(case: Any) -> list[str]:
    """Every rule of the document that a request breaks."""
    body = case.body if isinstance(case.body, dict) else None
    places = {"path": case.path_parameters, "query": case.query, "header": case.headers}
    given = {place: dict(values or {}) for place, values in places.items()}
    return bounds().broken(case.operation.definition.raw.get("operationId"), body, given)


@schemathesis.check
def bounds_are_kept(ctx: Any, response: Any, case: Any) -> None:
    """What breaks a bound of the document and is done all the same is a bound that nobody judges by."""
    if 200 <= response.status_code < 300 and (rules := broken(case)):
        operation = case.operation.definition.raw.get("operationId")
        raise AssertionError(f"{operation} was done although the request breaks the document: {'; '.join(rules)}")


@schemathesis.check
def negative_data_is_refused(ctx: Any, response: Any, case: Any) -> None:
    """schemathesis' own check, without what the gateway takes beyond the document on purpose."""
    try:
        negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        if isinstance(case.body, dict) and tolerated(case):
            return
        raise


def tolerated(case: Any) -> bool:
    """Whether only the body was made to break the document, and does so in one of the ways that `bounds` names."""
    return set(negated(case)) == {"body"} and not broken(case)


def negated(case: Any) -> list[str]:
    """The places of a request that were made to break the document."""
    meta = case.meta
    return [place.value for place, part in meta.components.items() if part.mode.is_negative] if meta else []
