"""What the same request looks like in another build: what section 5 of "the house, once more" changed for callers.

Versions go by the header If-Match instead of a field `etag`; what is made is the body itself instead of standing under its name,
and what stood beside it is part of the address.
"""

import re
from typing import Any


class Dialect:
    """Says what the script means in the words of the contract that is served."""

    def __init__(self, given: dict[str, Any], served: dict[str, Any]) -> None:
        self.given, self.served = given, served

    def __call__(self, operation: str, said: dict[str, Any]) -> None:
        """`said` has `path`, `query`, `body` and `headers`, and is changed in place."""
        template, contract = operation_of(self.served, operation)
        told = [resolve(self.served, one) for one in contract.get("parameters", [])]
        parameters = {one["name"] for one in told if one["in"] == "query"}
        properties = properties_of(self.served, contract)
        if "if-match" in said["headers"]:
            if "etag" in parameters:
                said["query"]["etag"] = said["headers"].pop("if-match")
            elif "etag" in properties:
                said["body"] = {**said["body"], "etag": said["headers"].pop("if-match")}
        if operation_of(self.given, operation)[0] == template and not self.is_unwrapped(operation, properties):
            return
        body = said["body"]
        if not isinstance(body, dict):
            return
        for name in re.findall(r"{(\w+)}", template):
            if name in body:
                said["path"] = {**said["path"], name: str(body[name])}
        for name in parameters & body.keys():
            said["query"][name] = str(body[name])
        inner = self.wrapped(operation)
        elsewhere = {*parameters, inner, *re.findall(r"{(\w+)}", template)}
        left = {name: one for name, one in body.items() if name not in elsewhere}
        wrapped = body.get(inner)
        said["body"] = {**wrapped, **left} if isinstance(wrapped, dict) else left

    def wrapped(self, operation: str) -> str:
        """The name under which the older contract wants what is made; empty if it wants it bare."""
        properties = properties_of(self.given, operation_of(self.given, operation)[1])
        return next((name for name in ("course", "run", "lesson") if name in properties), "")

    def is_unwrapped(self, operation: str, properties: dict[str, Any]) -> bool:
        inner = self.wrapped(operation)
        return inner != "" and inner not in properties


def properties_of(whole: dict[str, Any], contract: dict[str, Any]) -> dict[str, Any]:
    """The fields of an operation's body."""
    content = resolve(whole, contract.get("requestBody", {})).get("content", {})
    found: dict[str, Any] = resolve(whole, content.get("application/json", {}).get("schema", {})).get("properties", {})
    return found


def operation_of(contract: dict[str, Any], wanted: str) -> tuple[str, dict[str, Any]]:
    """Its path and what is said of it."""
    for path, verbs in contract["paths"].items():
        for operation in verbs.values():
            if isinstance(operation, dict) and operation.get("operationId") == wanted:
                return path, operation
    return "", {}


def resolve(contract: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follows a reference to where it leads."""
    while "$ref" in schema:
        target: Any = contract
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema
