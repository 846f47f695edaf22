#!/usr/bin/env python3
"""The drill: a school is backed up, damaged, destroyed and restored to a moment, and then everything is counted.

`cargo fleet drill` calls it. What it proves stands in README.md; how long it took is in drill.prom beside the fleet.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

import damage
import recovery
from archive import Archive, Front
from backups import Backups
from beats import Beats
from counts import Counts, demand, inconsistencies
from fleet import APART, SERVICES, Failed, Fleet, Server, eventually
from people import Person, products
from report import Report

# A quiet server's archive is as old as this at most; production's is 60 s, as deploy/backup says.
ARCHIVED_EVERY = "2s"
LEARNERS = 3


def prepare(fleet: Fleet, report: Report) -> tuple[Archive, Backups]:
    """Stores whose every change goes into an encrypted archive, before there is anything in them."""
    with report.step("stores that archive"):
        fleet.launch("stores")
        ports = fleet.state["ports"]
        front = Front.open(fleet, max(ports.values()) + 1, ports["seaweedfs.s3"])
        report.at_the_end(front.close)
        archive, backups = Archive(fleet, front), Backups(fleet)
        backups.prepare()
        for server in fleet.servers.values():
            archive.configure(server, backups.ciphers[server.name])
            archive.switch_on(server, ARCHIVED_EVERY)
        archive.run_all("stanza-create")
        fleet.end(damage.STOP, *fleet.servers)
        fleet.launch("stores")
    return archive, backups


def load(fleet: Fleet, archive: Archive, report: Report) -> list[Person]:
    """A school with people in it: some before the base backup, some after, so that both it and the WAL are needed."""
    with report.step("a school with orders"):
        fleet.launch("up", "--detach")
        fleet.launch("demo")
    with report.step("base backups, encrypted"):
        archive.run_all("--type=full", "backup")
    with report.step("more orders, in the WAL only"):
        courses = products(fleet)
        return [Person(fleet, courses[number % len(courses)]) for number in range(LEARNERS)]


def holds(server: Server, query: str) -> bool | None:
    return True if server.value(query) == "t" else None


def arrived(fleet: Fleet, order: str) -> bool | None:
    """Whether analytics has heard all that payments has announced of an order, and nothing waits in payments."""
    counted = fleet.value("analytics", f"select count(*) from entitlements where order_id = '{order}'")
    return True if counted != "0" and fleet.value("payments", "select count(*) from outbox") == "0" else None


def moment(fleet: Fleet, learners: list[Person], report: Report) -> tuple[str, Counts, str]:
    """An order whose news has left payments and not reached courses; then everything stands still, is counted, and
    has a time."""
    with report.step("a moment, and what is there then"):
        fleet.signal(damage.FREEZE, "courses")
        waiting = learners[0].buy(products(fleet)[-1])
        eventually("that analytics hears of the order", lambda: arrived(fleet, waiting))
        fleet.signal(damage.FREEZE)
        counted = Counts.of(fleet)
        at = fleet.servers["postgres"].value("select clock_timestamp()")
        enrolled = fleet.value("courses", f"select count(*) from entitlements where order_id = '{waiting}'")
        demand(
            enrolled == "0",
            "courses heard of the order although it stood still: the drill would prove less than it says",
        )
        report.note(
            f"{at}: {counted.rows()} rows in {counted.filled()} tables of {len(SERVICES)} databases on {len(APART) + 1} servers"
        )
        fleet.signal(damage.THAW)
    return at, counted, waiting


def after(fleet: Fleet, learners: list[Person], backups: Backups, report: Report) -> Person:
    """Life goes on: somebody has themselves erased, and what CronJobs do is done."""
    with report.step("an erasure, and what CronJobs do"):
        erased_person = learners[-1]
        erased_person.erase()
        forgotten = f"select count(*) from recipients where recipient_id = '{erased_person.id}' and erased_at is null"
        eventually(
            "that notifications forgets", lambda: True if fleet.value("notifications", forgotten) == "0" else None
        )
        backups.take_all()
        report.note(f"{len(SERVICES)} dumps, definitions, the list of erasures: {backups.size() // 1024} kB, all sound")
    return erased_person


def agreement(fleet: Fleet) -> None:
    """What was announced again takes a moment to arrive."""
    try:
        eventually("agreement of the services", lambda: None if inconsistencies(fleet) else True, 20)
    except Failed as failed:
        raise Failed(f"{failed}:\n" + "\n".join(inconsistencies(fleet))) from failed


def main() -> int:
    fleet = Fleet(Path(os.environ["LYCEUM_DRILL"]), os.environ["LYCEUM_LAUNCHER"], os.environ.get("LYCEUM_RELEASE"))
    report = Report(fleet.folder)
    try:
        archive, backups = prepare(fleet, report)
        learners = load(fleet, archive, report)
        backups.seal()
        with Beats(fleet) as beats:
            at, counted, waiting = moment(fleet, learners, report)
            erased_person = after(fleet, learners, backups, report)
            with report.step("damage: a dropped table, wrong rows, no files"):
                files = backups.files()
                demand(len(files) > 0, "the school has no file that could be lost")
                damage.damage(fleet, backups)
                for server in fleet.servers.values():
                    archived = f"select last_archived_time > '{beats.mark(server)}' from pg_stat_archiver"
                    eventually(
                        f"the archive of {server.name}",
                        partial(holds, server, archived),
                    )
        definitions = recovery.definitions(fleet)
        with report.step("everything is destroyed"):
            backups.forget_secrets()
            died = time.time()
            fleet.destroy()
        gone_at = time.time()
        secrets = recovery.restore(fleet, archive, backups, at, report)
        with report.step("every row is held against the moment"):
            restored = Counts.of(fleet)
            wrong = counted.differences(restored)
            demand(not wrong, "restored is something else than was there:\n" + "\n".join(wrong))
            report.note(f"{restored.rows()} rows, checksum {restored.digest()}, as at the moment")
        with report.step("services on what was restored"):
            recovery.start(fleet, definitions)
        report.measure("services ready", gone_at)
        with report.step("what was on its way; copies; erasures"):
            recovery.catch_up(fleet, backups, secrets, waiting, erased_person, at)
            agreement(fleet)
            backups.bring_files_back()
            demand(backups.files() == files, "the school's bucket holds something else than before")
        report.measure("services agree", gone_at)
        with report.step("the journey of a new learner"):
            fleet.launch("demo")
        report.measure("a course sold, learnt and certified", gone_at)
        with report.step("how much the end of the archive lacks"):
            report.lost(recovery.end_of_archive(fleet, archive, secrets), died)
        with report.step("a wrong key, a truncated backup"):
            recovery.refusals(fleet, archive, backups, secrets)
        report.finish(ARCHIVED_EVERY)
        return 0
    except Failed as failed:
        print(f"\n  ✗ {failed}", file=sys.stderr)
        report.fail()
        return 1
    except BaseException:
        report.fail()
        raise
    finally:
        report.close()


if __name__ == "__main__":
    sys.exit(main())
