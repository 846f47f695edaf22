"""Renders the chart in every way in which it is installed, and holds what comes out against schemas, rules and the
services themselves.

`cargo fleet test chart` runs it. It needs no cluster; what only a cluster can show is in the suite `cluster`.

Usage: run.py [--accept] [check…]

`--accept` keeps the tables of `golden/` and those of the READMEs as they are now.
"""

import sys
import time
from collections.abc import Callable

import chart
import environment
import keys
import kinds
import network
import pods
import promises
import proxy
import refusals
import releases
import scan
import selftest
import table
import watching
from cases import CASES, Case, Document, render_all
from tools import helm, modules


def of_pods(rule: Callable[[list[Document]], list[str]]) -> Callable[[], list[str]]:
    return of_releases(lambda case: rule(case.documents))


def of_releases(rule: Callable[[Case], list[str]]) -> Callable[[], list[str]]:
    """The same finding in several cases is told once."""

    def check() -> list[str]:
        found: dict[str, list[str]] = {}
        for case in CASES:
            for failure in rule(case):
                found.setdefault(failure, []).append(case.name)
        return [f"{', '.join(cases)}: {failure}" for failure, cases in found.items()]

    return check


def checks(accept: bool) -> dict[str, Callable[[], list[str]]]:
    return {
        "every case is rendered": render_all,
        "and used": chart.check_cases_are_used,
        "one version": chart.check_versions,
        "lint": chart.check_lint,
        "package": chart.check_package,
        "same twice": chart.check_renders_same_twice,
        "same for every Kubernetes": chart.check_every_kubernetes,
        "schemas of Kubernetes": kinds.check_native,
        "schemas of foreign resources": kinds.check_foreign,
        "schemas of stores' operators": kinds.check_own,
        "foreign resources are met": kinds.check_foreign_is_met,
        "restricted": of_pods(pods.restricted),
        "nothing twice": of_pods(pods.nothing_twice),
        "probes": of_pods(pods.probes),
        "resources": of_pods(pods.resources),
        "images": of_pods(pods.images),
        "accounts and tokens": of_pods(pods.accounts),
        "service links": of_pods(pods.service_links),
        "stops in time": of_pods(pods.stops_in_time),
        "unique": of_releases(releases.unique),
        "labels": of_releases(releases.labelled),
        "scaled once": of_releases(releases.scaled_once),
        "services lead somewhere": of_releases(releases.services_lead_somewhere),
        "one door": of_releases(releases.one_door),
        "disrupted gently": of_releases(releases.disrupted_gently),
        "secrets come from outside": of_releases(releases.secrets_come_from_outside),
        "migrations": of_releases(releases.migrations),
        "stores are watched": of_releases(watching.stores),
        "what is not there is told": of_releases(watching.told),
        "a review is reached": of_releases(releases.review_is_reached),
        "users of the cluster": of_releases(releases.users_of_the_cluster),
        "past the pooler": of_releases(releases.past_the_pooler),
        "dead letters stay": of_releases(releases.dead_letters_stay),
        "KEDA is told of the broker's TLS": of_releases(releases.asked_about_the_broker),
        "digests win": chart.check_digests,
        "dashboards and rules": chart.check_embedded,
        "a policy for every pod": of_releases(network.guarded),
        "what nobody may reach": of_releases(network.never),
        "stores of operators can live": of_releases(network.stores_live),
        "reachability": of_releases(lambda case: network.check_table(case, accept)),
        "ARCHITECTURE's promises": promises.check,
        "one service alone": promises.check_alone,
        "the egress proxy refuses": proxy.check,
        "make-secrets": keys.check,
        "wrong values": refusals.check,
        "tables of READMEs": lambda: table.check(accept),
        "the services accept it": environment.check_all,
        "checkov": scan.check,
        "the checks can fail": selftest.check,
    }


def main() -> int:
    arguments = sys.argv[1:]
    accept, wanted = "--accept" in arguments, [argument for argument in arguments if argument != "--accept"]
    modules()
    helm()
    failed = []
    for name, check in checks(accept).items():
        # Everything else needs the rendered cases.
        if wanted and name not in wanted and name != "every case is rendered":
            continue
        started = time.monotonic()
        failures = check()
        print(f"{'FAILED' if failures else 'ok':7} {name}  ({time.monotonic() - started:.1f} s)", flush=True)
        for failure in failures:
            print(f"        {failure}", flush=True)
        if failures:
            failed.append(name)
    print("not here: whether it runs. That takes a cluster: cargo fleet test cluster --kubeconfig FILE")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
