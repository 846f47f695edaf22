"""Invents requests for everything in the OpenAPI document, as each role, and looks at the answers.

`cargo fleet test fuzz` starts the fleet and this. Nothing is left to chance that would make a red run impossible to
repeat: the seed is fixed (LYCEUM_FUZZ_SEED) and printed, and so is the command of each role. What schemathesis finds
is mended where it comes from; the few operations that are left out stand below with their reasons.

Usage: LYCEUM_FLEET=.fleet/test/fleet.json run.py [role…]

A role that is late (LYCEUM_FUZZ_SECONDS) fails: the budget is part of the promise.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SEED = int(os.environ.get("LYCEUM_FUZZ_SEED", "20261126"))
# Examples for an operation that the role may use, on top of the edge cases of each parameter; and for one that it may
# not, which is refused before anything is read. LYCEUM_FUZZ_EXAMPLES=200 is for a night.
EXAMPLES, REFUSED_EXAMPLES = int(os.environ.get("LYCEUM_FUZZ_EXAMPLES", "8")), 2
# Ways through several operations, from what one made to what can be done with it by the links of the document; and how
# many steps each has at the most.
WAYS, STEPS = EXAMPLES * 4, 6
# How long one role may take, on a machine that is busy with other things; the whole takes four minutes on an idle one.
SECONDS = int(os.environ.get("LYCEUM_FUZZ_SECONDS", "420"))
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    # What was deleted is gone.
    "use_after_free",
    # Ours, in `hooks`: what the document's bounds forbid is never done; schemathesis' own `negative_data_rejection`,
    # without what the gateway takes beyond the document.
    "bounds_are_kept",
    "negative_data_is_refused",
]

# Left out for everybody.
NEVER = {
    "WatchNotifications": "a stream without an end; the gateway's own tests read it",
}
# Left out for people who are needed afterwards; somebody who was registered for it does these instead.
DANGEROUS = {
    "SignOutEverywhere": "ends the session that the run is made with",
    "ChangePassword": "guesses at a password until the account is slowed down",
}
# Left to visitors: whoever is signed in gets the same answers, and each attempt costs a password hash.
STRANGERS = {
    "SignIn",
    "OpenSession",
    "Register",
    "ConfirmEmail",
    "ResendCode",
    "RequestPasswordReset",
    "ResetPassword",
    "RefreshSession",
    "RefreshBrowserSession",
    "SignOut",
    "CloseSession",
    "ReceiveNotification",
    "ShowCertificatePage",
    "ShowUnsubscribePage",
    "UnsubscribeByOneClick",
    "GetUnsubscribeLink",
    "Unsubscribe",
    "GetPublicKeys",
}
# Who makes things and goes on with them.
WAYFARERS = {"learner", "tutor", "support", "manager", "admin"}
# Ids that generated requests must not hit: they would block or end the people of this very run. Users come from the
# throwaways.
NOT_HARVESTED = {"userId", "sessionId", "learnerId", "ownerId", "requestId"}

# What a text has to be for a request to get past the door; what the ids of the school do for paths.
WORDS = {
    "updateMask": ["title", "displayName", "summary", "state"],
    "from": ["2026-01-01", "2026-11-01"],
    "to": ["2026-11-30", "2027-01-01"],
    "fromDate": ["2026-01-01"],
    "toDate": ["2026-11-30"],
    "language": ["ru", "en"],
    "timeZone": ["Europe/Moscow"],
    "currency": ["RUB"],
    "contentType": ["image/png", "application/pdf", "video/mp4"],
    "document": ["terms"],
    "version": ["2026-11-01"],
    "reason": ["OTHER", "FRAUD"],
    "validUntil": ["2031-05-31"],
}


# A picture of one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class School:
    """The running fleet, and what can be found in it."""

    def __init__(self, fleet: dict[str, Any]) -> None:
        self.gateway, self.sandbox = fleet["gateway"].rstrip("/"), fleet["sandbox"].rstrip("/")
        self.people = {person["role"]: person for person in fleet["people"]}
        self.contract = self.ask("GET", "/openapi.json")
        self.ids: dict[str, list[str]] = {}

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        host: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        headers = dict(headers or {})
        if body is not None:
            headers["content-type"] = "application/json"
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request((host or self.gateway) + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
            return json.loads(text) if "json" in (answer.headers.get("content-type") or "") else text

    def sign_in(self, email: str, password: str) -> tuple[str, str]:
        tokens = self.ask("POST", "/v1/auth/sign-in", {"email": email, "password": password})
        return tokens["accessToken"], tokens["userId"]

    def throwaway(self) -> tuple[str, str]:
        """Somebody new, who may be blocked, erased and signed out."""
        email, password = f"fuzz-{uuid.uuid4().hex}@example.com", "tailor-made-trousers-42"
        self.ask(
            "POST",
            "/v1/auth/register",
            {
                "email": email,
                "password": password,
                "displayName": "Иван Одноразовый",
                "language": "ru",
                "timeZone": "Europe/Moscow",
                "consents": [{"document": "terms", "version": "2026-11-01"}],
            },
        )
        self.ask("POST", "/v1/auth/confirm-email", {"email": email, "code": self.code(email)})
        return self.sign_in(email, password)

    def code(self, email: str) -> str:
        for _ in range(100):
            for mail in self.ask("GET", f"/mail?to={email}", host=self.sandbox):
                found = re.search(r"(?<!\d)\d{6}(?!\d)", mail["text"])
                if found:
                    return found.group()
            time.sleep(0.1)
        raise SystemExit(f"no mail with a code came to {email}")

    def prepare(self, tokens: dict[str, str], learner_id: str) -> None:
        """Makes what an empty school has none of, so that generated requests find something: each role works with
        its own."""
        run = self.publish(tokens["manager"])
        self.post("/v1/enrolments", {"learnerId": learner_id, "runId": run}, tokens["manager"])
        outline = self.until(lambda: self.ask("GET", f"/v1/runs/{run}/outline", token=tokens["learner"]))
        lessons = [lesson for section in outline["sections"] for lesson in section["lessons"]]
        for lesson in lessons:
            path = f"/v1/runs/{run}/lessons/{lesson['lessonId']}"
            try:
                if lesson["kind"] == "LESSON_KIND_QUIZ":
                    self.keep(self.post(f"{path}/attempts", {}, tokens["learner"]))
                else:
                    self.post(f"{path}/complete", {}, tokens["learner"])
            except urllib.error.HTTPError:
                continue  # A lesson that comes later, or is completed otherwise.
        product = self.until(
            lambda: self.post(
                "/v1/products",
                {
                    "title": "Для выдуманных запросов",
                    "grants": [{"runId": run}],
                    "prices": [{"amount": {"minor": "149000", "currency": "RUB"}}],
                },
                tokens["manager"],
            )
        )
        for role in ("support", "manager"):
            self.keep(self.post("/v1/orders", {"productId": product["productId"]}, tokens[role]))
        for role in ("learner", "tutor", "manager"):
            for _ in range(2):
                self.keep(self.post("/v1/uploads", announced("KIND_PAPER"), tokens[role]))
        files = [self.upload(tokens["tutor"]) for _ in range(2)]
        for kind, file in zip(("PAPER_KIND_IDENTITY", "PAPER_KIND_EDUCATION"), files, strict=True):
            try:
                self.keep(self.post("/v1/me/verification-cases", {"kind": kind, "fileIds": [file]}, tokens["tutor"]))
            except urllib.error.HTTPError as refused:
                print(f"  no case of {kind}: {refused.read().decode()}", flush=True)

    def publish(self, manager: str) -> str:
        """A course on sale, with a lesson of each kind: its run."""
        course = {"language": "ru", "level": "LEVEL_BEGINNER", "title": f"Выдуманные запросы {uuid.uuid4().hex[:6]}"}
        course = self.post("/v1/authoring/courses", course, manager)["courseId"]
        quiz = {"text": "Сколько сантиметров в метре?", "points": 1, "number": {"value": "100"}}
        self.ask(
            "PUT",
            f"/v1/authoring/courses/{course}/draft",
            {
                "sections": [
                    {
                        "title": "Начало",
                        "lessons": [
                            {"title": "Текст", "text": {"markdown": "Да."}, "freePreview": True},
                            {
                                "title": "Видео",
                                "video": {"mediaId": str(uuid.uuid4()), "duration": "60s", "completionPercent": 80},
                            },
                            {
                                "title": "Проверка",
                                "quiz": {
                                    "passPercent": 50,
                                    "maxAttempts": 3,
                                    "answersShown": "ANSWERS_SHOWN_AFTER_EACH_ATTEMPT",
                                    "questions": [quiz],
                                },
                            },
                        ],
                    }
                ]
            },
            manager,
        )
        self.post(f"/v1/authoring/courses/{course}/publish", {"note": "first"}, manager)
        run = {"title": "Осень", "pacing": "PACING_SELF_PACED", "sequence": "SEQUENCE_FREE"}
        run_id = str(self.post(f"/v1/authoring/courses/{course}/runs", run, manager)["runId"])
        self.post(f"/v1/authoring/runs/{run_id}/publish", {}, manager)
        self.keep({"courseId": course, "runId": run_id})
        return run_id

    def post(self, path: str, body: Any, token: str) -> Any:
        return self.ask("POST", path, body, token, headers={"idempotency-key": uuid.uuid4().hex})

    def upload(self, token: str) -> str:
        """A picture in the object store: the id of its file."""
        upload = self.post("/v1/uploads", announced("KIND_PAPER"), token)
        link = upload["link"]
        request = urllib.request.Request(link["url"], PNG, link["headers"], method=link["method"])
        urllib.request.urlopen(request, timeout=20).read()
        return str(self.post(f"/v1/uploads/{upload['uploadId']}/complete", {}, token)["fileId"])

    def until(self, ask: Callable[[], Any]) -> Any:
        """What comes as soon as an event has arrived."""
        for _ in range(100):
            try:
                return ask()
            except urllib.error.HTTPError:
                time.sleep(0.1)
        return ask()

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, verbs in self.contract["paths"].items():
            for verb, operation in verbs.items():
                yield path, verb, operation

    def harvest(self, token: str) -> None:
        """Reads whatever this person can list, twice, and keeps the ids by their names: paths are filled with them."""
        for _ in range(2):
            for path, verb, operation in self.operations():
                if verb != "get" or operation["operationId"] in NEVER or operation["operationId"] in STRANGERS:
                    continue
                names = re.findall(r"{(\w+)}", path)
                if all(self.ids.get(name) for name in names):
                    filled = re.sub(r"{(\w+)}", lambda name: self.ids[name[1]][0], path)
                    try:
                        self.keep(self.ask("GET", filled, token=token))
                    except urllib.error.HTTPError as refused:
                        if refused.code >= 500:
                            raise SystemExit(f"GET {filled}: {refused.code} {refused.read().decode()}") from refused

    def keep(self, document: Any) -> None:
        if isinstance(document, list):
            for item in document:
                self.keep(item)
        elif isinstance(document, dict):
            for name, value in document.items():
                is_id = re.fullmatch(r"\w*Id|number|nextPageToken", name) and isinstance(value, str) and value
                if is_id and name not in NOT_HARVESTED:
                    known = self.ids.setdefault("pageToken" if name == "nextPageToken" else name, [])
                    if value not in known and len(known) < 12:
                        known.append(value)
                else:
                    self.keep(value)


def announced(kind: str) -> dict[str, str]:
    sha256 = hashlib.sha256(PNG).hexdigest()
    return {"kind": kind, "name": "paper.png", "contentType": "image/png", "sizeBytes": str(len(PNG)), "sha256": sha256}


def permissions(token: str) -> set[str]:
    """What the token grants, as it says itself."""
    claims = token.split(".")[1]
    return set(json.loads(base64.urlsafe_b64decode(claims + "==")).get("scope", "").split())


def may(operation: dict[str, Any], token: str | None) -> bool:
    if not operation.get("security"):
        return True
    return token is not None and operation.get("x-permission", "") in permissions(token) | {""}


def configuration(school: School, role: str, token: str | None) -> str:
    """schemathesis.toml for one role."""
    toml = [
        f"seed = {SEED}",
        "continue-on-failure = true",
        "request-timeout = 15.0",
        "warnings = false",
        # A visitor stays one.
        "[auth]",
        "auto-signup = false",
        "[phases.examples]",
        "enabled = false",
        "[phases.stateful]",
        f"enabled = {'true' if role in WAYFARERS else 'false'}",
        f"max-steps = {STEPS}",
        f"generation.max-examples = {WAYS}",
        # The document's own links, and no guesses at more.
        "inference.algorithms = []",
        "[checks.negative_data_rejection]",
        'expected-statuses = ["4xx"]',
        # What answers say must not steer later requests elsewhere: the seed alone does.
        "[phases.coverage]",
        "extra-data-sources = { responses = false }",
        # 405 for a method that an address does not have: it is the router's, so one operation would prove it for all.
        "unexpected-methods = []",
        "[phases.fuzzing]",
        "extra-data-sources = { responses = false }",
        "[generation]",
        # Requests that keep the document, and such that break it.
        'mode = "all"',
        f"max-examples = {EXAMPLES}",
        'database = "none"',
        "allow-x00 = true",
    ]
    words = WORDS | school.ids
    for name, values in sorted(words.items()):
        toml += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    toml.append("[parameters]")
    for name in sorted(words):
        for place in ("path", "query", "body"):
            toml.append(f'"{place}.{name}" = {{ dictionary = "{name}", probability = 0.6 }}')
    for _, _, operation in school.operations():
        name = operation["operationId"]
        left_out = name in NEVER or (role != "throwaway" and name in DANGEROUS)
        left_out |= role == "throwaway" and name not in DANGEROUS
        left_out |= token is not None and name in STRANGERS
        if left_out:
            toml += ["[[operations]]", f'include-operation-id = "{name}"', "enabled = false"]
        elif not may(operation, token):
            toml += [
                "[[operations]]",
                f'include-operation-id = "{name}"',
                f"generation.max-examples = {REFUSED_EXAMPLES}",
                "phases.coverage.enabled = false",
                "phases.stateful.enabled = false",
            ]
    return "\n".join(toml) + "\n"


def run(school: School, folder: Path, role: str, token: str | None) -> tuple[str, str, float, str]:
    """Runs schemathesis as this role: how it ended, how long it took, and what it said."""
    config = folder / f"{role}.toml"
    config.write_text(configuration(school, role, token))
    schemathesis = Path(sys.executable).with_name("schemathesis")
    command = [
        str(schemathesis),
        "--config-file",
        str(config),
        "run",
        f"{school.gateway}/openapi.json",
        "--no-color",
        "--checks",
        ",".join(CHECKS),
        "--seed",
        str(SEED),
    ]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    hooks = {"SCHEMATHESIS_HOOKS": "hooks", "LYCEUM_FUZZ_DOCUMENT": f"{school.gateway}/openapi.json"}
    hooks["PYTHONPATH"] = str(Path(__file__).parent)
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | hooks,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        code, text = str(done.returncode), done.stdout
    except subprocess.TimeoutExpired as late:
        code, text = "late", (late.stdout or b"").decode(errors="replace")
    return role, code, time.monotonic() - started, text


def main() -> None:
    fleet = json.loads(Path(os.environ["LYCEUM_FLEET"]).read_text())
    school = School(fleet)
    tokens: dict[str, str] = {}
    people: dict[str, str] = {}
    for role, person in school.people.items():
        tokens[role], people[role] = school.sign_in(person["email"], person["password"])
    tokens["throwaway"], _ = school.throwaway()
    school.prepare(tokens, people["learner"])
    for role in ("admin", "manager", "support", "curator", "tutor", "learner"):
        school.harvest(tokens[role])
    # Those who may be blocked and erased.
    school.ids["userId"] = [school.throwaway()[1] for _ in range(4)]

    wanted = sys.argv[1:] or ["learner", "visitor", "tutor", "curator", "support", "manager", "admin", "throwaway"]
    print(
        f"seed {SEED}; ids from the school: {', '.join(f'{len(v)} {k}' for k, v in sorted(school.ids.items()))}",
        flush=True,
    )
    failed = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run, school, Path(folder), role, tokens.get(role)) for role in wanted]
        for one in runs:
            role, code, seconds, text = one.result()
            summary = re.findall(r"Test cases:.*|\d+ generated.*", text)
            print(
                f"  {role:<10} {'passed' if code == '0' else f'FAILED ({code})':<12} {seconds:5.0f} s  {' '.join(summary)}",
                flush=True,
            )
            if code != "0":
                failed.append(role)
                print(text, flush=True)
    if failed:
        raise SystemExit(f"fuzz: {', '.join(failed)} found something")


main()
