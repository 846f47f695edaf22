#!/usr/bin/env python3
"""How much a school of so many active learners asks for, and what it costs: an arithmetic with its inputs in the open.

    helm/capacity.py [LEARNERS…] [--set NAME=VALUE…]

Nothing here is a claim. Behaviour is assumed, prices are round numbers to put yours in their place, and only what is
marked as measured was seen, on two cores that carried everything else as well. The table in helm/README.md is what
this prints without arguments.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

# Inputs: name → (value, unit, where it comes from).
INPUTS: dict[str, tuple[float, str, str]] = {
    # What an active learner does: somebody who learns at least once in the month.
    "days": (12, "days a month on which they learn", "assumed"),
    "video": (30, "minutes of video a day of learning", "assumed"),
    "heartbeat": (15, "seconds between two heartbeats of the player", "assumed, the client's choice"),
    "pages": (40, "other requests a day of learning", "assumed"),
    "busiest_hour": (0.20, "of a day's requests in its busiest hour", "assumed"),
    "burst": (3, "times that hour's average in its worst minute", "assumed"),
    "events": (60, "events a month (lessons, quizzes, orders, certificates)", "assumed"),
    "mails": (8, "mails a month", "assumed"),
    "bitrate": (2.5, "Mbit/s of video", "assumed: 720p"),
    "files": (0.05, "GB of homework and papers a year", "assumed"),
    # What it takes here.
    "cpu": (0.5, "ms of CPU a request, gateway and service together", "measured: heartbeat 0.198 + 0.284"),
    "database_cpu": (0.6, "ms of CPU of PostgreSQL a request", "assumed from the measured heartbeats a second"),
    "event_bytes": (900, "bytes an event with its indexes and rollups", "assumed"),
    "learner_bytes": (60_000, "bytes of progress, attempts and feed of a learner a year", "assumed"),
    "log_bytes": (1_400, "bytes of logs a request, all services", "assumed: two lines of ECS"),
    "log_days": (30, "days that logs are kept searchable, in two copies", "a decision: deploy/logging"),
    "backup": (3, "times the databases' size, with WAL, compressed", "assumed"),
    "heartbeats_limit": (1_790, "heartbeats a second on two cores that carry all else", "measured"),
    "events_limit": (30_995, "events a second into analytics", "measured"),
    "utilisation": (
        0.6,
        "of a processor that is planned for",
        "a decision: the rest is head-room for a node that fails",
    ),
    # The least that is there, however few learn: availability, not load.
    "floor_cpu": (6, "processors of three small nodes", "a decision"),
    "floor_memory": (24, "GB of memory of three small nodes", "a decision"),
    "stores_cpu": (
        12,
        "processors of PostgreSQL (two servers for people and money, one for the rest), RabbitMQ, Redis",
        "a decision",
    ),
    "stores_memory": (48, "GB of memory of the same", "a decision"),
    # Prices in roubles a month: round numbers, nobody's offer.
    "price_cpu": (700, "₽ a processor", "put yours"),
    "price_memory": (250, "₽ a GB of memory", "put yours"),
    "price_disk": (12, "₽ a GB of fast disk", "put yours"),
    "price_object": (2, "₽ a GB of object storage", "put yours"),
    "price_traffic": (1, "₽ a GB from the CDN", "put yours"),
    "price_mail": (0.03, "₽ a mail", "put yours"),
    "price_fixed": (8_000, "₽ for control plane, load balancers and addresses", "put yours"),
}
GB = 1e9


@dataclass
class School:
    """What so many active learners ask for in a month."""

    learners: int
    requests: float
    peak: float
    processors: float
    database_processors: float
    databases: float
    logs: float
    traffic: float
    objects: float
    roubles: dict[str, float]


def school(learners: int, given: dict[str, float]) -> School:
    a = given.__getitem__
    a_day = a("video") * 60 / a("heartbeat") + a("pages")
    requests = learners * a("days") * a_day
    peak = requests / 30 * a("busiest_hour") / 3600 * a("burst")
    processors = peak * a("cpu") / 1000 / a("utilisation")
    database_processors = peak * a("database_cpu") / 1000 / a("utilisation")
    databases = learners * (12 * a("events") * a("event_bytes") + a("learner_bytes")) / GB
    logs = requests / 30 * a("log_days") * a("log_bytes") * 2 / GB
    traffic = learners * a("days") * a("video") * 60 * a("bitrate") / 8 / 1000
    objects = learners * a("files") + databases * a("backup")
    nodes = max(a("floor_cpu"), processors) + max(a("stores_cpu"), 3 * database_processors)
    memory = max(a("floor_memory"), 4 * processors) + max(a("stores_memory"), 12 * database_processors)
    roubles = {
        "compute": nodes * a("price_cpu") + memory * a("price_memory") + a("price_fixed"),
        "disks": (3 * databases + logs) * a("price_disk"),
        "objects": objects * a("price_object"),
        "video": traffic * a("price_traffic"),
        "mail": learners * a("mails") * a("price_mail"),
    }
    return School(learners, requests, peak, processors, database_processors, databases, logs, traffic, objects, roubles)


def figure(value: float) -> str:
    """Two significant digits: more would pretend to know."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    rounded = round(value, 1 - math.floor(math.log10(abs(value))))
    return f"{rounded:,.{digits}f}"


ROWS: list[tuple[str, Callable[[School, dict[str, float]], str]]] = [
    ("requests a month", lambda s, _: figure(s.requests)),
    ("requests a second, worst minute", lambda s, _: figure(s.peak)),
    ("… of the measured heartbeats a second", lambda s, g: figure(100 * s.peak / g["heartbeats_limit"]) + " %"),
    ("processors for services", lambda s, _: figure(s.processors)),
    ("processors for PostgreSQL", lambda s, _: figure(s.database_processors)),
    ("databases after a year, GB", lambda s, _: figure(s.databases)),
    ("logs, GB", lambda s, _: figure(s.logs)),
    ("objects and backups after a year, GB", lambda s, _: figure(s.objects)),
    ("video through the CDN, GB a month", lambda s, _: figure(s.traffic)),
    ("₽ a month: compute", lambda s, _: figure(s.roubles["compute"])),
    ("₽ a month: disks, objects, mail", lambda s, _: figure(sum(s.roubles[k] for k in ("disks", "objects", "mail")))),
    ("₽ a month: video", lambda s, _: figure(s.roubles["video"])),
    (
        "**₽ a month per 1,000 active learners**",
        lambda s, _: f"**{figure(sum(s.roubles.values()) / s.learners * 1000)}**",
    ),
]


def tables(sizes: list[int], given: dict[str, float]) -> str:
    schools = [school(size, given) for size in sizes]
    head = "| active learners | " + " | ".join(f"{size:,}" for size in sizes) + " |"
    lines = [head, "|---" + "|---:" * len(sizes) + "|"]
    lines += [f"| {title} | " + " | ".join(row(s, given) for s in schools) + " |" for title, row in ROWS]
    lines += ["", "| input | value | what it is | where it comes from |", "|---|---:|---|---|"]
    for name, (_, unit, source) in INPUTS.items():
        lines.append(f"| `{name}` | {given[name]:,g} | {unit} | {source} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("learners", nargs="*", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another value of an input")
    arguments = parser.parse_args()
    given = {name: value for name, (value, _, _) in INPUTS.items()}
    for change in arguments.set:
        name, _, value = change.partition("=")
        if name not in given:
            parser.error(f"there is no input {name}")
        given[name] = float(value)
    print(tables(arguments.learners, given))


if __name__ == "__main__":
    main()
