"""What a release has is watched, and what is not watched is told: monitors of the operators' stores, alerts about what
is not there."""

import re

from cases import NAMESPACE, Case, Document, name_of

# By the kind that an operator makes a store of: the label of its pods, and the jobs that rules ask for.
STORES = {
    "Cluster": ("cnpg.io/cluster", {"postgres"}),
    "RabbitmqCluster": ("app.kubernetes.io/name", {"rabbitmq", "rabbitmq-detailed"}),
    "Redis": ("app", {"redis"}),
}


def of_kind(case: Case, kind: str) -> list[Document]:
    return [document for document in case.documents if document["kind"] == kind]


def jobs(endpoints: list[Document]) -> set[str]:
    return {rule["replacement"] for one in endpoints for rule in one["relabelings"] if rule.get("targetLabel") == "job"}


def stores(case: Case) -> list[str]:
    """Where services are scraped, the stores of the same release are, too, under the jobs of the rules."""
    bad, monitors = [], of_kind(case, "PodMonitor")
    if not of_kind(case, "ServiceMonitor"):
        return [f"{name_of(monitor)} without monitoring" for monitor in monitors]
    for kind, (label, wanted) in STORES.items():
        for store in of_kind(case, kind):
            pods = {label: store["metadata"]["name"]}
            mine = [one["spec"] for one in monitors if one["spec"]["selector"]["matchLabels"] == pods]
            found = {job for one in mine for job in jobs(one["podMetricsEndpoints"])}
            if found != wanted or any(one["namespaceSelector"] != {"matchNames": [NAMESPACE]} for one in mine):
                bad.append(f"{name_of(store)} is scraped as {sorted(found)}, not as {sorted(wanted)}")
    return bad


def told(case: Case) -> list[str]:
    """With rules, each service has one alert about its absence in this namespace; so has each job that is scraped."""
    rules = [
        rule for one in of_kind(case, "PrometheusRule") for group in one["spec"]["groups"] for rule in group["rules"]
    ]
    if not rules:
        return []
    bad = []
    deployed = [
        one["metadata"]["labels"]["app.kubernetes.io/component"]
        for one in of_kind(case, "Deployment")
        if any(
            port.get("name") == "admin" for port in one["spec"]["template"]["spec"]["containers"][0].get("ports", [])
        )
    ]
    missing = [rule["expr"] for rule in rules if rule.get("alert") == "ServiceMissing"]
    wanted = [f'absent(up{{job="lyceum", namespace="{NAMESPACE}", service="{service}"}})' for service in deployed]
    if sorted(missing) != sorted(wanted):
        bad.append(f"alerts about services that are missing: {sorted(set(missing) ^ set(wanted))}")
    watched = [rule for rule in rules if rule.get("alert") == "NotWatched"]
    told_of = {job for rule in watched for job in re.findall(r'job=~?"([^"]*)"', rule["expr"])}
    monitors = [one["spec"]["podMetricsEndpoints"] for one in of_kind(case, "PodMonitor")]
    scraped = {job for endpoints in monitors for job in jobs(endpoints)}
    scraped |= {job for one in of_kind(case, "ScrapeConfig") for job in jobs([one["spec"]])}
    if scraped - told_of:
        bad.append(f"nobody is told when these are not scraped: {sorted(scraped - told_of)}")
    if any(rule["labels"].get("namespace") != NAMESPACE for rule in watched):
        bad.append("NotWatched does not say whose")
    bad += [f"a stand-in is left: {rule['expr']}" for rule in watched if re.search(r"<\w+>", rule["expr"])]
    return bad
