"""What is in the databases: every row of every table, and what must hold between databases of different services."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fleet import SERVICES, Failed, Fleet

TABLES = """
select format('%I.%I', schemaname, tablename) from pg_tables
where schemaname not in ('pg_catalog', 'information_schema') order by 1
"""
# The order of rows is that of their texts, so that where they lie on the disk does not matter.
COUNTED = "select '{table}', count(*), md5(coalesce(string_agg(md5(t::text), '' order by md5(t::text)), '')) from {table} as t;"


@dataclass(frozen=True)
class Counts:
    """By service and table: how many rows, and their checksum."""

    tables: dict[tuple[str, str], tuple[int, str]]

    @classmethod
    def of(cls, fleet: Fleet) -> Counts:
        tables = {}
        for service in SERVICES:
            names = [row[0] for row in fleet.query(service, TABLES)]
            statements = "\n".join(COUNTED.format(table=name) for name in names)
            for name, count, checksum in fleet.query(service, statements):
                tables[service, name] = (int(count), checksum)
        return cls(tables)

    def rows(self, service: str | None = None) -> int:
        return sum(count for (owner, _), (count, _) in self.tables.items() if service in (None, owner))

    def filled(self) -> int:
        return sum(count > 0 for count, _ in self.tables.values())

    def digest(self) -> str:
        return hashlib.sha256(repr(sorted(self.tables.items())).encode()).hexdigest()[:16]

    def differences(self, other: Counts) -> list[str]:
        keys = sorted(self.tables.keys() | other.tables.keys())
        return [
            f"{service}.{table}: {self.tables.get((service, table))} against {other.tables.get((service, table))}"
            for service, table in keys
            if self.tables.get((service, table)) != other.tables.get((service, table))
        ]


def ids(fleet: Fleet, service: str, statement: str) -> set[tuple[str, ...]]:
    return {tuple(row) for row in fleet.query(service, statement)}


# What the one knows must be known by the other: service, statement, and the same once more. Left is a part of right.
BETWEEN: list[tuple[str, str, str, str, str]] = [
    (
        "every entitlement has its paid order",
        "payments", "select order_id from entitlements where state = 'active'",
        "payments", "select order_id from orders where state = 'paid'",
    ),
    (
        "every paid order gives what it sells",
        "payments", "select order_id from orders where state = 'paid'",
        "payments", "select order_id from entitlements",
    ),
    (
        "courses knows every entitlement of payments",
        "payments", "select entitlement_id, (revoked_at is null) from entitlements",
        "courses", "select entitlement_id, (revoked_at is null) from entitlements",
    ),
    (
        "payments knows every entitlement of courses",
        "courses", "select entitlement_id, (revoked_at is null) from entitlements",
        "payments", "select entitlement_id, (revoked_at is null) from entitlements",
    ),
    (
        "every live entitlement has its enrolment",
        "payments", "select entitlement_id from entitlements where state = 'active'",
        "courses", "select e.entitlement_id from entitlements e join enrolments using (learner_id, run_id)",
    ),
    (
        "every completed enrolment has its certificate",
        "courses", "select enrolment_id from enrolments where completed_at is not null",
        "documents", "select enrolment_id from certificates",
    ),
    (
        "no certificate is of an enrolment that nobody knows",
        "documents", "select enrolment_id from certificates",
        "courses", "select enrolment_id from enrolments",
    ),
    (
        "every buyer is somebody",
        "payments", "select buyer_id from orders",
        "users", "select user_id from users",
    ),
    (
        "notifications knows everybody who can sign in",
        "users", "select user_id from users where state = 'active'",
        "notifications", "select recipient_id from recipients where erased_at is null",
    ),
    (
        "nobody who was erased has an address at notifications",
        "notifications", "select recipient_id from recipients where erased_at is null",
        "users", "select user_id from users where state <> 'erased'",
    ),
    (
        "nobody who was erased has a name at documents",
        "documents", "select holder_id from holders where erased_at is null",
        "users", "select user_id from users where state <> 'erased'",
    ),
    (
        "courses forgot everybody who was erased",
        "users", "select user_id from users where state = 'erased'",
        "courses", "select learner_id from erased_learners",
    ),
    (
        "analytics counted every paid order",
        "payments", "select order_id from orders where state = 'paid'",
        "analytics", "select order_id from orders where paid_at is not null",
    ),
    (
        "analytics counted no order that nobody placed",
        "analytics", "select order_id from orders",
        "payments", "select order_id from orders",
    ),
]  # fmt: skip


def inconsistencies(fleet: Fleet) -> list[str]:
    """What does not hold between the databases, with how many rows are concerned."""
    found = []
    for promise, left, what, right, known in BETWEEN:
        strangers = ids(fleet, left, what) - ids(fleet, right, known)
        if strangers:
            found.append(f"{promise}: not so for {len(strangers)}, such as {min(strangers)}")
    return found


def demand(holds: bool, promise: str) -> None:
    if not holds:
        raise Failed(promise)
