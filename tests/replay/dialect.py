"""What the same request looks like in another build: section by section, what was changed before there were callers."""

from typing import Any


class Dialect:
    """Says what the script means in the words of the contract that is served."""

    def __init__(self, given: dict[str, Any], served: dict[str, Any]) -> None:
        self.given, self.served = given, served

    def __call__(self, operation: str, query: dict[str, str], said: dict[str, Any], headers: dict[str, str]) -> None:
        contract = operation_of(self.served, operation)
        self.versions(contract, query, said, headers)
        self.unwrapped(contract, said)

    def versions(
        self, contract: dict[str, Any], query: dict[str, str], said: dict[str, Any], headers: dict[str, str]
    ) -> None:
        """`etag` stood in the query or in the body; now it is the header If-Match."""
        if "if-match" not in headers:
            return
        in_query = any(resolve(self.served, one)["name"] == "etag" for one in contract.get("parameters", []))
        if in_query:
            query["etag"] = headers.pop("if-match")
        elif "etag" in self.body_of(contract).get("properties", {}):
            said["body"] = {**said["body"], "etag": headers.pop("if-match")}

    def unwrapped(self, contract: dict[str, Any], said: dict[str, Any]) -> None:
        """A thing to be made stood under its name; now it is the body."""
        body, properties = said["body"], self.body_of(contract).get("properties", {})
        for name in ("course", "run"):
            if isinstance(body, dict) and isinstance(body.get(name), dict) and properties and name not in properties:
                said["body"] = {**body[name], **{other: one for other, one in body.items() if other != name}}
                return

    def body_of(self, contract: dict[str, Any]) -> dict[str, Any]:
        content = resolve(self.served, contract.get("requestBody", {})).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        return resolve(self.served, schema)


def operation_of(contract: dict[str, Any], wanted: str) -> dict[str, Any]:
    for verbs in contract["paths"].values():
        for operation in verbs.values():
            if isinstance(operation, dict) and operation.get("operationId") == wanted:
                return operation
    return {}


def resolve(contract: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follows a reference to where it leads."""
    while "$ref" in schema:
        target: Any = contract
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema
