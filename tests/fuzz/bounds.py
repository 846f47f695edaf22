"""Whether a request keeps what the OpenAPI document says about it.

What the gateway takes beyond the document, so that clients are not held up by trifles, is not looked at: null for an
absent field, the name of a field as the contract spells it, an enum's value by its number, numbers as texts and texts
that are numbers, fields that cannot be changed, and several ways to write base64.
"""

import copy
import re
from typing import Any

import jsonschema

Schema = dict[str, Any]

# Those that the services judge by; others, such as `email`, are only the shape of what they judge.
FORMATS = jsonschema.FormatChecker(["uuid", "date"])
# What the document may say about a text of a query, a path or a header.
TEXTS = {"minLength", "maxLength", "pattern", "format"}
# How values of other types are written there.
SPELT = {"integer": r"-?[0-9]+", "boolean": "true|false"}


class Bounds:
    """The rules of a document, ready to judge requests."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.shared = document["components"].get("parameters", {})
        schemas = softened(document["components"]["schemas"])
        keep_cases_apart(schemas)
        self.document = {"components": {"schemas": schemas}}
        self.operations = {
            operation["operationId"]: operation
            for verbs in document["paths"].values()
            for operation in verbs.values()
            if "operationId" in operation
        }

    def broken(self, operation_id: str, body: Any, parameters: dict[str, dict[str, Any]]) -> list[str]:
        """Every rule that a request breaks. `parameters` are by place (path, query, header) and name."""
        operation = self.operations[operation_id]
        told: list[str] = []
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content and body is not None:
            told += [f"body{place}: {why}" for place, why in self.errors(content["schema"], without_nulls(body))]
        for parameter in operation.get("parameters", []):
            if "$ref" in parameter:
                parameter = self.shared[parameter["$ref"].rpartition("/")[2]]
            told += self.broken_parameter(parameter, parameters.get(parameter["in"]))
        return told

    def broken_parameter(self, parameter: dict[str, Any], given: dict[str, Any] | None) -> list[str]:
        name, schema = parameter["name"], parameter["schema"]
        # A place that nobody looked at says nothing.
        if given is None:
            return []
        # The names of headers are the same in small letters, others in the contract's spelling.
        spelt = str.lower if parameter["in"] == "header" else camel
        name, given = spelt(name), {spelt(key): value for key, value in given.items()}
        if name not in given:
            return [f"{name}: it is missing"] if parameter.get("required") else []
        value, wanted = given[name], schema.get("type")
        if isinstance(value, str) and wanted == "string":
            rules = {"type": "string"} | {key: schema[key] for key in TEXTS & schema.keys()}
            return [f"{name}: {why}" for _, why in self.errors(rules, value)]
        if isinstance(value, str) and wanted in SPELT and not re.fullmatch(SPELT[wanted], value):
            return [f"{name}: {value!r} is no {wanted}"]
        return []

    def errors(self, schema: Schema, value: Any) -> list[tuple[str, str]]:
        whole = self.document | {"allOf": [softened(schema)]}
        judge = jsonschema.Draft202012Validator(whole, format_checker=FORMATS)
        return [(error.json_path.removeprefix("$"), error.message[:200]) for error in judge.iter_errors(value)]


def softened(schema: Any) -> Any:
    """The same rules, without what the gateway sees less narrowly than the document."""
    if isinstance(schema, list):
        return [softened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    soft = {name: softened(rule) for name, rule in schema.items()}
    if soft.get("additionalProperties") is False:
        del soft["additionalProperties"]
    # Without that, two cases of a union may both fit.
    if "oneOf" in soft:
        soft["anyOf"] = soft.pop("oneOf")
    if isinstance(soft.get("enum"), list) and soft.get("type") == "string":
        return {"anyOf": [soft, {"type": "integer"}]}
    if soft.get("type") == "integer":
        return {"anyOf": [soft, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    if soft.get("type") == "string" and soft.get("format") in ("int64", "uint64"):
        return {"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "string"}]}
    if soft.get("type") == "string" and soft.get("contentEncoding") == "base64":
        return {"type": "string"}
    return soft


def keep_cases_apart(schemas: dict[str, Schema]) -> None:
    """The schema of a union's message without a case fits nothing that has one."""
    for union in list(schemas.values()):
        names = [case.get("$ref", "").rpartition("/")[2] for case in union.get("anyOf", [])]
        cases = [schemas[name] for name in names if name]
        for none in [case for case in cases if {"type": "null"} in case.get("properties", {}).values()]:
            others = {name for case in cases for name in case["properties"]} - set(none["properties"])
            none["not"] = {"anyOf": [{"required": [name]} for name in sorted(others)]}


def without_nulls(value: Any) -> Any:
    """The body with the names of the document, and without what is absent."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {camel(name): without_nulls(item) for name, item in value.items() if item is not None}
    return copy.copy(value)


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda letter: letter[1].upper(), name)
