"""PyPI's `tbank`, a client that nobody here wrote, used against the sandbox.

SANDBOX_PROGRAM=target/debug/sandbox python -m unittest -v tests/sandbox/client/test_tbank.py
"""

import json
import os
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any, ClassVar, NamedTuple

from tbank.acquiring.models import InitRequest
from tbank.acquiring.signing import build_token
from tbank.acquiring.sync import AcquiringClient
from tbank.acquiring.webhooks import parse_notification, verify_notification
from tbank.core.errors import TBankAPIError

TERMINAL, PASSWORD = "1700000000001DEMO", "k3y-P@ss_тест9"
GOOD, NO_FUNDS, CHALLENGE = "2201382000000013", "2201382000000831", "2201382000000047"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Payment(NamedTuple):
    """An opened one, with what the bank always tells of it."""

    payment_id: str
    payment_url: str
    order_id: str


class Shop(BaseHTTPRequestHandler):
    """Takes notifications, and answers with the bank's `OK` where the client finds the signature valid."""

    notices: ClassVar[Queue[dict[str, Any]]] = Queue()

    def do_POST(self) -> None:
        notice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"OK" if verify_notification(notice, PASSWORD) else b"NO")
        self.notices.put(notice)

    def log_message(self, *_: object) -> None:
        pass


class TBank(unittest.TestCase):
    url: str
    sandbox: subprocess.Popen[bytes]
    shop: HTTPServer
    client: AcquiringClient

    @classmethod
    def setUpClass(cls) -> None:
        http, smtp = free_port(), free_port()
        cls.url = f"http://127.0.0.1:{http}"
        settings = {
            "SANDBOX_HTTP_LISTEN": f"127.0.0.1:{http}",
            "SANDBOX_SMTP_LISTEN": f"127.0.0.1:{smtp}",
            "SANDBOX_TERMINAL": TERMINAL,
            "SANDBOX_PASSWORD": PASSWORD,
            "SANDBOX_RETRY_MS": "50",
        }
        cls.sandbox = subprocess.Popen([os.environ["SANDBOX_PROGRAM"]], env=os.environ | settings)
        deadline = time.monotonic() + 10
        while not listens(http):
            assert time.monotonic() < deadline and cls.sandbox.poll() is None, "the sandbox does not listen"
            time.sleep(0.05)
        cls.shop = HTTPServer(("127.0.0.1", 0), Shop)
        threading.Thread(target=cls.shop.serve_forever, daemon=True).start()
        cls.client = AcquiringClient(TERMINAL, PASSWORD, base_url=f"{cls.url}/tbank/v2")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.sandbox.terminate()
        cls.sandbox.wait(10)
        cls.shop.shutdown()
        cls.shop.server_close()

    def setUp(self) -> None:
        Shop.notices = Queue()

    def init(self, **more: Any) -> Payment:
        shop = f"http://127.0.0.1:{self.shop.server_port}/hooks/tbank"
        wanted: dict[str, Any] = {
            "amount": 149000,
            "order_id": str(uuid.uuid4()),
            "description": "Курс «Крой»",
            "notification_url": shop,
        }
        answer = self.client.init(InitRequest(**wanted | more))
        assert answer.payment_id and answer.payment_url and answer.order_id
        return Payment(answer.payment_id, answer.payment_url, answer.order_id)

    def pay(self, payment: Payment, card: str, **more: str) -> int:
        form = urllib.parse.urlencode({"card": card} | more).encode()
        try:
            with urllib.request.urlopen(payment.payment_url, form) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or "null")

    def fault(self, **fault: str) -> None:
        self.post("/control/faults", fault)

    def notices(self, count: int) -> list[dict[str, Any]]:
        return [Shop.notices.get(timeout=10) for _ in range(count)]

    def test_a_paid_order_is_confirmed_and_notified_of_with_a_valid_signature(self) -> None:
        payment = self.init()
        self.assertEqual(self.pay(payment, GOOD), 200)
        self.assertEqual(self.client.get_state(payment.payment_id).status, "CONFIRMED")
        notices = self.notices(2)
        self.assertEqual({notice["Status"] for notice in notices}, {"AUTHORIZED", "CONFIRMED"})
        for notice in notices:
            self.assertTrue(verify_notification(notice, PASSWORD))
            self.assertEqual(str(parse_notification(notice).payment_id), payment.payment_id)

    def test_a_declined_card_then_a_good_one_pay_the_same_order(self) -> None:
        payment = self.init()
        self.assertEqual(self.pay(payment, NO_FUNDS), 402)
        self.assertEqual(self.notices(1)[0]["ErrorCode"], "1051")
        self.assertEqual(self.pay(payment, GOOD), 200)
        self.assertEqual(self.client.get_state(payment.payment_id).status, "CONFIRMED")

    def test_a_full_refund(self) -> None:
        payment = self.init()
        self.pay(payment, GOOD)
        refund = self.client.cancel(payment.payment_id)
        self.assertEqual((refund.status, refund.original_amount, refund.new_amount), ("REFUNDED", 149000, 0))
        self.assertIn("REFUNDED", {notice["Status"] for notice in self.notices(3)})

    def test_a_refund_in_parts(self) -> None:
        payment = self.init()
        self.pay(payment, GOOD)
        part = self.client.cancel(payment.payment_id, amount=100000)
        self.assertEqual((part.status, part.original_amount, part.new_amount), ("PARTIAL_REFUNDED", 149000, 49000))
        rest = self.client.cancel(payment.payment_id, amount=49000)
        self.assertEqual((rest.status, rest.original_amount, rest.new_amount), ("REFUNDED", 49000, 0))
        with self.assertRaises(TBankAPIError):
            self.client.cancel(payment.payment_id, amount=1)

    def test_two_stages(self) -> None:
        payment = self.init(pay_type="T")
        self.pay(payment, GOOD)
        self.assertEqual(self.client.get_state(payment.payment_id).status, "AUTHORIZED")
        self.assertEqual(self.client.confirm(payment.payment_id).status, "CONFIRMED")
        self.assertEqual([notice["Status"] for notice in self.notices(2)], ["AUTHORIZED", "CONFIRMED"])

    def test_a_challenge(self) -> None:
        payment = self.init()
        # The client's model does not know the bank's 3DS_CHECKING, so the state in between is not asked for.
        self.assertEqual(self.pay(payment, CHALLENGE), 200)
        self.pay(payment, CHALLENGE, code="1qwezxc")
        self.assertEqual(self.client.get_state(payment.payment_id).status, "CONFIRMED")

    def test_an_order_is_opened_once(self) -> None:
        payment = self.init()
        with self.assertRaises(TBankAPIError) as refused:
            self.init(order_id=payment.order_id)
        self.assertEqual(refused.exception.code, "20")

    def test_an_order_is_found_again_after_a_lost_answer(self) -> None:
        payment = self.init()
        # The client's model wants a text where the bank's document has a number, so only its signature is used.
        request = {"TerminalKey": TERMINAL, "OrderId": payment.order_id}
        request["Token"] = build_token(request, PASSWORD)
        found = self.post("/tbank/v2/CheckOrder", request)
        self.assertEqual([one["PaymentId"] for one in found["Payments"]], [payment.payment_id])

    def test_a_wrong_password_and_a_wrong_state_are_refused(self) -> None:
        stranger = AcquiringClient(TERMINAL, "wrong", base_url=f"{self.url}/tbank/v2")
        payment = self.init()
        with self.assertRaises(TBankAPIError) as refused:
            stranger.get_state(payment.payment_id)
        self.assertEqual(refused.exception.code, "204")
        with self.assertRaises(TBankAPIError) as refused:
            self.client.confirm(payment.payment_id)
        self.assertEqual(refused.exception.code, "8")

    def test_a_forged_notification_is_recognised_and_the_repetition_is_good(self) -> None:
        self.fault(on="tbank.notification", kind="bad-signature")
        payment = self.init()
        self.pay(payment, GOOD)
        valid = [verify_notification(notice, PASSWORD) for notice in self.notices(4)]
        self.assertEqual(valid, [False, False, True, True])


if __name__ == "__main__":
    unittest.main()
