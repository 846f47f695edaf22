"""Requests that should be refused, for every operation: other people, wrong ids, and each field of the body done wrong.

They are made from a contract and from the good calls of the script. What a wrong request would change if it were
accepted belongs to nobody: ids in the path of a write are those of nothing.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

from dialect import operation_of, resolve
from player import NOTHING, Player, operations

ROLES = ["stranger", "learner", "another", "tutor", "curator", "support", "manager", "admin"]
LONG = "ы" * 20_000
# They end sessions, count wrong passwords or do not end.
LEFT_OUT = {
    "SignOutEverywhere", "ChangePassword", "WatchNotifications", "SignIn", "OpenSession", "Register", "ResetPassword",
    "ConfirmEmail", "ResendCode", "RequestPasswordReset", "EraseUser",
}  # fmt: skip
WITHOUT_EXAMPLE = {"WatchNotifications", "ReceiveNotification", "SignOutEverywhere", "CreateLessonMediaLink"}
PARAMETERS = {
    "pageSize": ["0", "-1", "100000", "many", "99999999999999999999"],
    "pageToken": ["nonsense", "x" * 5000],
    "updateMask": ["nonsense", "", "title,,"],
}


def play(player: Player, contract: dict[str, Any]) -> None:
    """Reads first, because writes change what is read."""
    all_operations = list(operations(contract))
    for path, verb, operation in all_operations:
        if verb == "get" and operation["operationId"] not in LEFT_OUT:
            read(player, contract, path, operation)
    for path, verb, operation in all_operations:
        if verb != "get":
            write(player, contract, path, operation)


def read(player: Player, contract: dict[str, Any], template: str, operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    owner, path, query, _ = player.examples.get(name, ("manager", {}, {}, None))
    for role in ROLES:
        player.ask(role, name, "as", path=full(template, path), query=query)
    for wrong in wrong_ids(template):
        player.ask(owner, name, f"id {next(iter(wrong.values()), '')[:12]}", path=wrong, query=query)
    parameters(player, contract, operation, owner, full(template, path), query)
    if "etag" in (headers := player.ask(owner, name, "tag", path=full(template, path), query=query).headers):
        told = {"if-none-match": headers["etag"]}
        player.ask(owner, name, "known", path=full(template, path), query=query, headers=told)


def write(player: Player, contract: dict[str, Any], template: str, operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    owner, path, query, body = player.examples.get(name, ("stranger", {}, {}, {}))
    nothing = dict.fromkeys(path, NOTHING)
    for role in ROLES:
        if name not in LEFT_OUT or role == "stranger":
            player.ask(role, name, "as", path=full(template, nothing), query=query, body=body)
        may = not operation.get("security") or role == owner or operation.get("x-permission")
        if path and not may and role not in ("admin", "manager"):
            player.ask(role, name, "theirs", path=full(template, path), query=query, body=body)
    if name in LEFT_OUT and owner != "stranger":
        return
    for wrong in wrong_ids(template):
        player.ask(owner, name, f"id {next(iter(wrong.values()), '')[:12]}", path=wrong, query=query, body=body)
    parameters(player, contract, operation, owner, full(template, nothing), query)
    if not isinstance(body, dict) or "requestBody" not in operation:
        return
    for note, wrong_body in wrong_bodies(contract, name, body):
        player.ask(owner, name, note, path=full(template, nothing), query=query, body=wrong_body)
    text = {"content-type": "text/plain"}
    player.ask(owner, name, "as text", path=full(template, nothing), query=query, body=body, headers=text)


def full(template: str, path: dict[str, str]) -> dict[str, str]:
    return {part[1:-1]: path.get(part[1:-1], NOTHING) for part in template.split("/") if part.startswith("{")}


def wrong_ids(template: str) -> Iterator[dict[str, str]]:
    if "{" in template:
        for wrong in (NOTHING, "nonsense", "0190000000007000800000000000000", "x" * 2000):
            yield dict.fromkeys(full(template, {}), wrong)


def parameters(
    player: Player,
    contract: dict[str, Any],
    operation: dict[str, Any],
    role: str,
    path: dict[str, str],
    query: dict[str, str],
) -> None:
    """Each parameter of the query done wrong, and one that nobody knows."""
    name = operation["operationId"]
    body: dict[str, Any] | None = {} if "requestBody" in operation else None
    for parameter in operation.get("parameters", []):
        told = resolve(contract, parameter)
        if told["in"] != "query":
            continue
        for wrong in PARAMETERS.get(told["name"], ["", "nonsense", LONG[:3000]]):
            note = f"?{told['name']}={wrong[:12]}"
            player.ask(role, name, note, path=path, query={**query, told["name"]: wrong}, body=body)
        if told.get("required"):
            less = {other: one for other, one in query.items() if other != told["name"]}
            player.ask(role, name, f"?-{told['name']}", path=path, query=less, body=body)
    player.ask(role, name, "?unknown", path=path, query={**query, "unknownThing": "1"}, body=body)


def wrong_bodies(contract: dict[str, Any], name: str, good: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """No body, no JSON, a list, something unknown, two mistakes, and each field missing, null, of another type, too
    long."""
    yield from [("empty", ""), ("broken", "{"), ("list", []), ("unknown", {**good, "unknownThing": 1})]
    content = resolve(contract, operation_of(contract, name)[1]["requestBody"])["content"]
    schema = resolve(contract, content.get("application/json", {}).get("schema", {}))
    for place, kind in fields(contract, schema, good, ()):
        label = ".".join(map(str, place))
        changes: list[tuple[str, Any]] = [("null", None), ("type", 7 if kind == "string" else "seven")]
        more: dict[str, list[tuple[str, Any]]] = {
            "string": [("blank", ""), ("space", "  "), ("long", LONG), ("odd", "\u0000<b>\u202e")],
            "integer": [("negative", -1), ("huge", 2_000_000_000), ("half", 1.5)],
            "array": [("none", []), ("many", "many")],
        }
        for what, value in [*changes, *more.get(kind, [])]:
            yield f"{label} {what}", replaced(good, place, value)
        yield f"{label} missing", replaced(good, place, ...)
        yield f"{label} and unknown", {**replaced(good, place, {"x": []}), "unknownThing": LONG[:50]}


def fields(
    contract: dict[str, Any], schema: dict[str, Any], good: Any, place: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each place of the body, down to the first of each list; what the good body lacks is named, but not entered."""
    for name, told in schema.get("properties", {}).items():
        member = resolve(contract, told)
        kind = str(member.get("type", "object"))
        here = (*place, name)
        yield here, "enum" if "enum" in member else kind
        inside = good.get(name) if isinstance(good, dict) else None
        if kind == "array" and isinstance(inside, list) and inside:
            items = resolve(contract, member.get("items", {}))
            yield (*here, 0), str(items.get("type", "object"))
            yield from fields(contract, items, inside[0], (*here, 0))
        elif inside is not None and len(place) < 6:
            yield from fields(contract, member, inside, here)


def replaced(body: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """A copy with another value there; `...` takes it away; `many` makes a list far too long."""
    changed = copy.deepcopy(body)
    target: Any = changed
    for part in place[:-1]:
        target = target[part]
    last = place[-1]
    if value is ...:
        if isinstance(target, list):
            target.pop()
        else:
            target.pop(last, None)
    elif value == "many":
        one = target.get(last) if isinstance(target, dict) else None
        target[last] = (one or ["x"]) * 300
        if len(json.dumps(target[last])) > 60_000:
            target[last] = ["x"] * 2000
    else:
        target[last] = value
    return changed
