"""What the school lives of: orders, payments, enrolments, certificates, mail. Counted from events and at the flows,
not in reports."""

from panel import FLEET, NAMESPACE, RATE, Json, board, series, stat

# Only the relay that is at work counts what it publishes, so that a sum counts every event once.
PUBLISHED = f"bus_published_total{{{FLEET}"


def day(title: str, description: str, event: str) -> Json:
    return stat(
        title,
        description,
        f'sum(increase({PUBLISHED}, type="lyceum.events.v1.{event}"}}[$__range])) or vector(0)',
        "none",
        (None, "blue"),
        decimals=0,
        width=3,
    )


def hourly(event: str) -> str:
    return f'sum(rate({PUBLISHED}, type="lyceum.events.v1.{event}"}}[{RATE}])) * 3600'


BOARD = board(
    "lyceum-business",
    "Lyceum / Business",
    "Orders, payments, enrolments and certificates, and what holds them up.",
    [NAMESPACE],
    [
        (
            "In the chosen time",
            [
                day("Registrations", "People who registered.", "UserRegistered"),
                day("Orders placed", "Orders that were placed.", "OrderPlaced"),
                day("Orders paid", "Orders that were paid, with money or for nothing.", "OrderPaid"),
                day("Refunds", "Orders whose money went back.", "OrderRefunded"),
                day("Enrolments", "Learners who began to learn in a run.", "EnrolmentStarted"),
                day("Courses completed", "Courses that learners completed.", "CourseCompleted"),
                day("Certificates", "Certificates that were issued.", "CertificateIssued"),
                stat(
                    "Paid of placed",
                    "Orders paid by orders placed in the chosen time.",
                    f'sum(increase({PUBLISHED}, type="lyceum.events.v1.OrderPaid"}}[$__range])) / sum(increase({PUBLISHED}, type="lyceum.events.v1.OrderPlaced"}}[$__range]))',
                    "percentunit",
                    (None, "blue"),
                    width=3,
                    decimals=0,
                ),
            ],
        ),
        (
            "Orders and payments",
            [
                series(
                    "Orders an hour",
                    "Orders placed, paid and refunded, as a rate an hour.",
                    [
                        (hourly(event), label)
                        for event, label in (
                            ("OrderPlaced", "placed"),
                            ("OrderPaid", "paid"),
                            ("OrderRefunded", "refunded"),
                            ("PaymentFailed", "payment failed"),
                        )
                    ],
                    "none",
                ),
                series(
                    "Money captured a day",
                    "Money that came in within 24 hours, by currency.",
                    [
                        (
                            f"sum by (currency) (increase(payments_captured_minor_total{{{FLEET}}}[24h])) / 100",
                            "{{currency}} in",
                        ),
                        (
                            f"sum by (currency) (increase(payments_returned_minor_total{{{FLEET}}}[24h])) / 100",
                            "{{currency}} back",
                        ),
                    ],
                    "none",
                ),
                series(
                    "From notification to paid order",
                    "How long a payment takes from the bank's notification until the order is paid.",
                    [
                        (
                            f"histogram_quantile({share}, sum by (le) (rate(payment_settlement_seconds_bucket{{{FLEET}}}[{RATE}])))",
                            name,
                        )
                        for share, name in (("0.5", "p50"), ("0.95", "p95"))
                    ],
                    "s",
                    limit=5,
                ),
                series(
                    "Attempts by how they ended",
                    "Payments that changed their state, as a rate an hour.",
                    [(f"sum by (state) (rate(payment_attempts_total{{{FLEET}}}[{RATE}])) * 3600", "{{state}}")],
                    "none",
                ),
                series(
                    "Open attempts",
                    "Payments under way: created (no answer yet), pending (the payer is at it), unknown (the answer was lost).",
                    [(f"max by (state) (payment_attempts_open{{{FLEET}}})", "{{state}}")],
                    "none",
                ),
                series(
                    "What waits for the bank",
                    "Age of the oldest payment that we were told of and could not look into, of the oldest whose answer was lost, and of the oldest refund under way.",
                    [
                        (f"max(payments_notified_oldest_seconds{{{FLEET}}})", "told of"),
                        (f"max(payments_unknown_oldest_seconds{{{FLEET}}})", "unknown"),
                        (f"max(refunds_waiting_oldest_seconds{{{FLEET}}})", "refund"),
                    ],
                    "s",
                    limit=120,
                ),
                series(
                    "How payments became known",
                    "By the bank's notification, or only because we asked: then its notifications do not reach us.",
                    [(f"sum by (by) (rate(payments_settled_total{{{FLEET}}}[{RATE}])) * 3600", "{{by}}")],
                    "none",
                ),
                series(
                    "Calls of the bank",
                    "Calls a second by outcome: success, refused (an answer), lost, not reached.",
                    [
                        (
                            f"sum by (call, outcome) (rate(provider_calls_total{{{FLEET}}}[{RATE}]))",
                            "{{call}} {{outcome}}",
                        )
                    ],
                    "reqps",
                ),
                series(
                    "Notifications of the bank",
                    "Webhooks a second by what was made of them.",
                    [(f"sum by (verdict) (rate(webhooks_total{{{FLEET}}}[{RATE}]))", "{{verdict}}")],
                    "reqps",
                ),
                stat(
                    "Mismatched payments",
                    "Payments that the bank reports with another amount, order or terminal, in the chosen time. A person has to look at each.",
                    f"sum(increase(payments_mismatched_total{{{FLEET}}}[$__range])) or vector(0)",
                    "none",
                    (None, "green"),
                    (1, "red"),
                    decimals=0,
                ),
                stat(
                    "Paid twice",
                    "Payments for which nothing was owed any more, in the chosen time; they go back by themselves.",
                    f"sum(increase(payments_overpaid_total{{{FLEET}}}[$__range])) or vector(0)",
                    "none",
                    (None, "green"),
                    (1, "orange"),
                    decimals=0,
                ),
            ],
        ),
        (
            "Learning and papers",
            [
                series(
                    "Learning an hour",
                    "Enrolments, lessons and courses, as a rate an hour.",
                    [
                        (hourly(event), label)
                        for event, label in (
                            ("EnrolmentStarted", "enrolments"),
                            ("LessonCompleted", "lessons completed"),
                            ("CourseCompleted", "courses completed"),
                        )
                    ],
                    "none",
                ),
                series(
                    "Certificates by what happened",
                    "Certificates by what happened to them, as a rate an hour.",
                    [(f"sum by (what) (rate(certificates_total{{{FLEET}}}[{RATE}])) * 3600", "{{what}}")],
                    "none",
                ),
                series(
                    "Certificates without a PDF",
                    "How long the oldest certificate has been waiting for its PDF.",
                    [(f"max(certificates_unprinted_oldest_seconds{{{FLEET}}})", "oldest")],
                    "s",
                    limit=600,
                ),
                series(
                    "Tutors' papers under way",
                    "Cases that the Document System checks, and that people review.",
                    [(f"max by (state) (verification_cases_open{{{FLEET}}})", "{{state}}")],
                    "none",
                ),
                series(
                    "Mail by outcome",
                    "Mails a second: sent, retried, refused for good, given up, suppressed.",
                    [(f"sum by (outcome) (rate(mail_deliveries_total{{{FLEET}}}[{RATE}]))", "{{outcome}}")],
                    "ops",
                ),
                series(
                    "Mail that is overdue",
                    "For how long the first mail that is due has been waiting to be begun; quiet hours do not count.",
                    [(f"max(mail_overdue_oldest_seconds{{{FLEET}}})", "overdue")],
                    "s",
                    limit=300,
                ),
            ],
        ),
    ],
)
