"""Calls the fleet as its people would, and remembers every answer in a form that is the same in each run.

Ids, instants, tokens and links differ from run to run. Each id gets the name of the place where it was first seen, so
that an answer that lacks one does not rename all that follow.
"""

import hashlib
import http.client
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# The id of nothing.
NOTHING = "01900000-0000-7000-8000-000000000000"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NAMED = re.compile(rf"{UUID}|\bLY-[0-9A-Z]{{4}}-[0-9A-Z]{{4}}\b|\bLYC-\d{{4}}-[0-9A-Z-]+", re.I)
PLACEHOLDERS = [
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<instant>"),
    (re.compile(r"https?://[^\s\"'<>]*[?&]X-Amz-[^\s\"'<>]*"), "<signed link>"),
    (re.compile(r"/unsubscribe/[\w-]+"), "/unsubscribe/<secret>"),
    (re.compile(r"__Host-refresh=[\w-]+"), "__Host-refresh=<secret>"),
    (re.compile(r"https?://127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"\d{1,2}:\d\d(:\d\d)?(?=[^\d:]*(?:МСК|MSK|UTC))"), "<time>"),
]
# Fields whose values are of this run only, whatever they look like.
OPAQUE = {
    "requestId", "refreshToken", "nextPageToken", "etag", "kid", "x", "durationMs", "confirmationUrl", "asOf", "key",
}  # fmt: skip
# Lists to which events add: two that come at the same moment have no order.
# Chosen options are a set.
RACED = {"auditEntries", "deliveries", "notifications", "history", "optionIds"}
# Headers that differ without meaning anything.
UNTOLD = {
    "date",
    "content-length",
    "x-request-id",
    "traceparent",
    "transfer-encoding",
    "connection",
    "ratelimit",
    "ratelimit-policy",
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def etag(self) -> str:
        """The version, wherever this build tells it."""
        told = self.body.get("etag") if isinstance(self.body, dict) else None
        return str(told or self.headers.get("etag", ""))


@dataclass
class Player:
    """Somebody at the gateway, for one recording."""

    gateway: str
    sandbox: str
    contract: dict[str, Any]
    tokens: dict[str, str] = field(default_factory=dict)
    refreshes: dict[str, str] = field(default_factory=dict)
    refreshed: float = field(default_factory=time.monotonic)
    names: dict[str, str] = field(default_factory=dict)
    record: list[dict[str, Any]] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)
    # The first good call of each operation: who, path, query and body.
    examples: dict[str, tuple[str, dict[str, str], dict[str, str], Any]] = field(default_factory=dict)
    # How this build wants what the script says; see dialect.py.
    adapt: Callable[[str, dict[str, Any]], None] = lambda *_: None

    def __post_init__(self) -> None:
        self.operations = {o["operationId"]: (verb.upper(), path, o) for path, verb, o in operations(self.contract)}

    def ask(
        self,
        role: str,
        operation: str,
        note: str = "",
        *,
        path: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Calls an operation and records the answer under its name, the role and what is special about the call."""
        self.stay_signed_in()
        verb, template, _ = self.operations[operation]
        step = self.step(f"{operation}/{role}/{note}")
        if verb in ("POST", "PUT", "PATCH") and body is None:
            body = {}
        said = {"path": path or {}, "query": dict(query or {}), "body": body, "headers": dict(headers or {})}
        if etag is not None:
            said["headers"]["if-match"] = etag
        self.adapt(operation, said)
        target = re.sub(
            r"{(\w+)}", lambda name: urllib.parse.quote(said["path"].get(name[1], NOTHING), safe=""), template
        )
        sent = {"idempotency-key": self.key(step), **said["headers"]} if verb == "POST" else said["headers"]
        answer = self.send(verb, target, role, said["query"], said["body"], sent)
        for _ in range(5):
            if answer.status not in (503, 504):
                break
            # The machine is busy; that is not what the recording is about.
            time.sleep(1)
            answer = self.send(verb, target, role, said["query"], said["body"], sent)
        self.keep(step, answer)
        if answer.status < 300 and operation not in self.examples:
            self.examples[operation] = (role, path or {}, query or {}, body)
        return answer

    def send(
        self, verb: str, target: str, role: str, query: dict[str, str], body: Any, headers: dict[str, str]
    ) -> Answer:
        """Calls without recording. A text is sent as it is."""
        door = urllib.parse.urlsplit(self.gateway)
        connection = http.client.HTTPConnection(door.hostname or "", door.port, timeout=30)
        sent = {"accept": "application/json", "accept-language": "ru", **headers}
        if role in self.tokens and "authorization" not in sent:
            sent["authorization"] = f"Bearer {self.tokens[role]}"
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
            sent.setdefault("content-type", "application/json")
        connection.request(verb, target + ("?" + urllib.parse.urlencode(query) if query else ""), data, sent)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        text = response.read().decode(errors="replace")
        connection.close()
        is_json = "json" in told.get("content-type", "") and text
        return Answer(response.status, told, json.loads(text) if is_json else text)

    def until(self, role: str, operation: str, note: str, *, fits: Callable[[Any], Any], **said: Any) -> Answer:
        """Asks until the answer fits, which an event may take a while for; only that answer is recorded."""
        verb, template, _ = self.operations[operation]
        target = re.sub(r"{(\w+)}", lambda name: said["path"][name[1]], template)
        end = time.monotonic() + 60
        while True:
            answer = self.send(verb, target, role, said.get("query", {}), said.get("body"), {})
            if answer.status < 300 and fits(answer.body):
                return self.ask(role, operation, note, **said)
            if time.monotonic() > end:
                raise SystemExit(f"{operation} {note}: {answer.status} {json.dumps(answer.body, ensure_ascii=False)}")
            time.sleep(0.1)

    def until_status(self, role: str, operation: str, note: str, status: int) -> Answer:
        """Asks until it is refused like this: what is revoked is known everywhere a moment later."""
        verb, target, _ = self.operations[operation]
        end = time.monotonic() + 30
        while self.send(verb, target, role, {}, None, {}).status != status and time.monotonic() < end:
            time.sleep(0.1)
        return self.ask(role, operation, note)

    @staticmethod
    def key(step: str) -> str:
        """The idempotency key of a step."""
        return hashlib.sha256(step.encode()).hexdigest()[:32]

    def sign_in(self, role: str, email: str, password: str) -> Answer:
        answer = self.ask("stranger", "SignIn", role, body={"email": email, "password": password})
        self.tokens[role], self.refreshes[role] = answer.body["accessToken"], answer.body["refreshToken"]
        return answer

    def stay_signed_in(self) -> None:
        """Tokens live ten minutes."""
        if time.monotonic() - self.refreshed < 240:
            return
        self.refreshed = time.monotonic()
        for role, token in list(self.refreshes.items()):
            answer = self.send("POST", "/v1/auth/refresh", "", {}, {"refreshToken": token}, {})
            if answer.status == 200:
                self.tokens[role], self.refreshes[role] = answer.body["accessToken"], answer.body["refreshToken"]

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        address = f"{self.sandbox}/mail" + (f"?{urllib.parse.urlencode({'to': to})}" if to else "")
        with urllib.request.urlopen(address, timeout=30) as answer:
            mails: list[dict[str, Any]] = json.load(answer)
        return mails

    def code(self, to: str, count: int) -> str:
        """The digits in the mail of this number that has any."""
        for _ in range(600):
            found = [re.search(r"(?<!\d)\d{6}(?!\d)", mail["text"]) for mail in self.mails(to)]
            codes = [code[0] for code in found if code]
            if len(codes) >= count:
                return str(codes[count - 1])
            time.sleep(0.1)
        raise SystemExit(f"no code came to {to}")

    def outside(self, path: str, body: Any) -> None:
        """Tells the simulated world what goes wrong next, or types a card."""
        form = path.startswith("http")
        data = urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        opener = urllib.request.build_opener(Stay)
        address = path if form else self.sandbox + path
        try:
            opener.open(urllib.request.Request(address, data, {"content-type": kind}), timeout=30).close()
        except urllib.error.HTTPError as refused:
            refused.close()

    def step(self, name: str) -> str:
        self.taken[name] = self.taken.get(name, 0) + 1
        return name if self.taken[name] == 1 else f"{name}#{self.taken[name]}"

    def keep(self, step: str, answer: Answer) -> None:
        headers = {name: self.plain(step, name, value) for name, value in answer.headers.items() if name not in UNTOLD}
        if "etag" in headers:
            headers["etag"] = "<etag>"
        body = self.normal(step, "$", answer.body)
        self.record.append(
            {"step": step, "status": answer.status, "headers": dict(sorted(headers.items())), "body": body}
        )

    def normal(self, step: str, place: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.member(step, f"{place}.{name}", name, one) for name, one in value.items()}
        if isinstance(value, list):
            raced = place.rsplit(".", 1)[-1] in RACED
            places = ("[]" if raced else f"[{index}]" for index in range(len(value)))
            return [self.normal(step, place + index, one) for index, one in zip(places, value, strict=True)]
        return self.plain(step, place, value) if isinstance(value, str) else value

    def member(self, step: str, place: str, name: str, value: Any) -> Any:
        if name in OPAQUE and value not in ("", None):
            return f"<{name}>"
        return self.normal(step, place, value)

    def plain(self, step: str, place: str, text: str) -> str:
        for pattern, word in PLACEHOLDERS:
            text = pattern.sub(word, text)
        return NAMED.sub(lambda found: self.names.setdefault(found[0].lower(), f"<{step}{place}>"), text)


class Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow the bank's way back to the shop."""

    def redirect_request(self, *_: Any) -> None:
        return None


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in contract["paths"].items():
        for verb, operation in verbs.items():
            if isinstance(operation, dict) and "operationId" in operation:
                yield path, verb, operation
