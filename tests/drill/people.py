"""People who use the school through its public door."""

from __future__ import annotations

import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPMessage
from typing import IO, Any

from fleet import Failed, Fleet, eventually

PASSWORD = "bobbin-and-needle"
SCHOOL_PASSWORD = "thimble-and-thread"
CARD = "2201382000000013"


class Stay(urllib.request.HTTPRedirectHandler):
    """A browser that does not go back to the school's web pages, which are not here."""

    def redirect_request(self, *_: Any) -> None:
        return None

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> IO[bytes]:
        return fp

    http_error_303 = http_error_302


BROWSER = urllib.request.build_opener(Stay)


class Person:
    def __init__(self, fleet: Fleet, email: str | None = None) -> None:
        self.fleet = fleet
        self.email = email or f"drill-{secrets.token_hex(4)}@lyceum.example"
        self.token = ""
        self.id = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"content-type": "application/json", "idempotency-key": secrets.token_hex(16)}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.fleet.gateway + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {path} answered {error.code}: {error.read().decode()}") from error

    def sign_in(self, password: str = PASSWORD) -> Person:
        self.token = self.ask("POST", "/v1/auth/sign-in", {"email": self.email, "password": password})["accessToken"]
        self.id = self.ask("GET", "/v1/me")["userId"]
        return self

    def register(self) -> Person:
        account = {"email": self.email, "password": PASSWORD, "displayName": "Вера Соколова", "language": "ru"}
        consents = [{"document": "terms", "version": "2026-11-01"}]
        self.ask("POST", "/v1/auth/register", {**account, "timeZone": "Europe/Moscow", "consents": consents})
        query = urllib.parse.urlencode({"to": self.email, "after": 0, "wait_ms": 30_000})
        with urllib.request.urlopen(f"{self.fleet.sandbox}/mail?{query}", timeout=60) as answer:
            mails = json.load(answer)
        code = re.search(r"(?<!\d)\d{6}(?!\d)", mails[0]["text"] if mails else "")
        if not code:
            raise Failed(f"no code came to {self.email}")
        self.ask("POST", "/v1/auth/confirm-email", {"email": self.email, "code": code[0]})
        return self.sign_in()

    def buy(self, product: str) -> str:
        """Orders, pays on the bank's page, and waits until the bank has told so."""
        order = str(self.ask("POST", "/v1/orders", {"productId": product})["orderId"])
        page = self.ask("POST", f"/v1/orders/{order}/pay", {})["confirmationUrl"]
        form = urllib.parse.urlencode({"card": CARD}).encode()
        BROWSER.open(page, form, timeout=30).close()
        eventually("that the order is paid", lambda: self.has_paid(order) or None)
        return order

    def has_paid(self, order: str) -> bool:
        return bool(self.ask("GET", f"/v1/orders/{order}")["state"] == "STATE_PAID")

    def enrolments(self) -> list[Any]:
        return list(self.ask("GET", "/v1/me/enrolments").get("enrolments", []))

    def has_a_course(self) -> bool | None:
        return True if self.enrolments() else None

    def erase(self, user: str, password: str | None = None) -> None:
        self.ask("POST", f"/v1/users/{user}/erase", {"password": password} if password else {})


def products(fleet: Fleet) -> list[str]:
    return [product["productId"] for product in Person(fleet).ask("GET", "/v1/products")["products"]]
