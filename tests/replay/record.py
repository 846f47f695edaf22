#!/usr/bin/env python3
"""Plays script.yaml, and then wrong requests for every operation, against a fresh fleet, and writes down what it
answered.

    .ci/python tests/replay/record.py FLEET.json CONTRACT.json OUT.jsonl

CONTRACT is the openapi.json of the build from which wrong requests are made: the same one for both recordings.
"""

import base64
import hashlib
import json
import re
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import probes
import yaml
from dialect import Dialect
from player import Answer, Player

HERE = Path(__file__).parent
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Step = dict[str, Any]


class Script:
    """The steps, and what was saved on the way."""

    def __init__(self, player: Player, people: dict[str, dict[str, str]]) -> None:
        self.player, self.people = player, people
        self.saved: dict[str, Any] = {"pngSha": hashlib.sha256(PNG).hexdigest()}

    def play(self, steps: list[Step]) -> None:
        special: dict[str, Callable[[Step], None]] = {
            "do": self.call,
            "sign_in": self.sign_in,
            "code": self.code,
            "card": lambda step: self.player.outside(self.filled(step["page"]), {"card": step["card"]}),
            "fault": lambda step: self.player.outside("/control/faults", step["fault"]),
            "put": self.put,
            "settle": lambda step: self.settle(step["settle"]),
            "unsubscribe": self.unsubscribe,
        }
        for step in steps:
            try:
                special[next(iter(step))](step)
            except (KeyError, IndexError, TypeError) as missing:
                last = self.player.record[-1] if self.player.record else None
                raise SystemExit(f"{step}: there is no {missing}; before it {last}") from missing

    def call(self, step: Step) -> None:
        role, operation, *note = step["do"].split()
        template = self.player.operations[operation][1]
        path = {name: self.saved.get(name, "") for name in re.findall(r"{(\w+)}", template)}
        said: dict[str, Any] = {
            "path": path | self.filled(step.get("path", {})),
            "query": self.filled(step.get("query", {})),
            "body": self.filled(step.get("body")),
            "headers": self.filled(step.get("headers", {})),
        }
        if "key" in step:
            role_of, named, *rest = step["key"].split()
            said["headers"]["idempotency-key"] = self.player.key(f"{named}/{role_of}/{' '.join(rest)}")
        if "etag" in step:
            said["etag"] = self.filled(step["etag"])
        if "until" in step:
            place, _, wanted = step["until"].partition("=")
            said["fits"] = lambda body: str(find(body, place)) == wanted if wanted else find(body, place)
            answer = self.player.until(role, operation, " ".join(note), **said)
        elif "until_status" in step:
            answer = self.player.until_status(role, operation, " ".join(note), step["until_status"])
        else:
            answer = self.player.ask(role, operation, " ".join(note), **said)
        self.save(step, answer)

    def save(self, step: Step, answer: Answer) -> None:
        for name, place in step.get("save", {}).items():
            value = find(answer.body, place)
            if value is None:
                raise KeyError(f"{place} in {answer.status} {json.dumps(answer.body, ensure_ascii=False)}")
            self.saved[name] = value
        if "save_etag" in step:
            self.saved[step["save_etag"]] = answer.etag
        if "cookie" in step:
            self.saved[step["cookie"]] = answer.headers.get("set-cookie", "").split(";")[0]

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        return self.saved[value[1:]] if isinstance(value, str) and value.startswith("$") else value

    def sign_in(self, step: Step) -> None:
        role = step["sign_in"]
        person = self.people.get(role, step)
        self.save(step, self.player.sign_in(role, person["email"], person["password"]))

    def code(self, step: Step) -> None:
        self.saved[step["code"]] = self.player.code(step["to"], step.get("number", 1))

    def put(self, step: Step) -> None:
        link = self.filled(step["put"])
        request = urllib.request.Request(link["url"], PNG, link["headers"], method=link["method"])
        urllib.request.urlopen(request, timeout=30).close()

    def unsubscribe(self, step: Step) -> None:
        texts = [mail["text"] for mail in self.player.mails(step["to"])]
        self.saved[step["unsubscribe"]] = re.findall(r"/unsubscribe/([\w-]+)", "\n".join(texts))[0]

    def settle(self, what: str) -> None:
        """Until nothing changes any more that events carry on."""
        role, path = {
            "feed": ("another", "/v1/notifications?pageSize=200"),
            "deliveries": ("admin", "/v1/deliveries?pageSize=200"),
            "events": ("manager", "/v1/reports/export?report=REPORT_EVENTS&from=2026-01-01&to=2030-12-31"),
        }[what]
        before, since = "", time.monotonic()
        while time.monotonic() - since < 4:
            time.sleep(0.3)
            text = json.dumps(self.player.send("GET", path, role, {}, None, {}).body)
            if text != before or "STATE_QUEUED" in text or "STATE_SENDING" in text:
                before, since = text, time.monotonic()


def find(body: Any, place: str) -> Any:
    """The value at `a.0.b`, or nothing."""
    for part in place.split("."):
        if isinstance(body, list) and part.isdigit():
            body = body[int(part)] if int(part) < len(body) else None
        else:
            body = body.get(part) if isinstance(body, dict) else None
    return body


def keep_mails(player: Player) -> None:
    """What people were written, in an order that does not depend on which sender was faster, and without codes."""
    told = [
        {
            name: re.sub(r"(?<!\d)\d{6}(?!\d)", "<code>", player.plain("mail", "$", str(mail[name])))
            for name in ("to", "subject", "text")
        }
        for mail in player.mails()
    ]
    for number, mail in enumerate(sorted(told, key=json.dumps)):
        player.record.append({"step": f"mail/{number}", "status": 0, "headers": {}, "body": mail})


def main() -> None:
    fleet, contract, out = sys.argv[1:4]
    addresses = json.loads(Path(fleet).read_text())
    gateway = addresses["gateway"].rstrip("/")
    with urllib.request.urlopen(f"{gateway}/openapi.json", timeout=30) as answer:
        served = json.load(answer)
    given = json.loads(Path(contract).read_text())
    player = Player(gateway, addresses["sandbox"].rstrip("/"), served, adapt=Dialect(given, served))
    script = Script(player, {person["role"]: person for person in addresses["people"]})
    started = time.monotonic()
    try:
        script.play(yaml.safe_load((HERE / "script.yaml").read_text()))
        print(f"{len(player.record)} calls of the script, {time.monotonic() - started:.0f} s", flush=True)
        left = sorted(player.operations.keys() - player.examples.keys() - probes.WITHOUT_EXAMPLE)
        if left:
            print(f"nothing good was asked of {', '.join(left)}", flush=True)
        keep_mails(player)
        probes.play(player, given)
    finally:
        lines = [json.dumps(one, ensure_ascii=False) for one in player.record]
        Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(player.record)} answers, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
