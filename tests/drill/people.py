"""People who use the school through its public door: by the program `people`, which plays everybody's ways."""

from __future__ import annotations

import json
import subprocess

from fleet import Failed, Fleet


def people(fleet: Fleet, *words: str) -> dict[str, str]:
    """Has somebody do something; gives the ids that it brought."""
    program = json.loads((fleet.folder / "programs.json").read_text())["people"]
    command = [program, "--json", "--gateway", fleet.gateway, "--sandbox", fleet.sandbox, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"`people {' '.join(words)}` failed\n{done.stdout}{done.stderr}")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: value for step in steps for name, value in step.items() if name.endswith("Id") or name == "email"}


class Person:
    """A learner who has bought something."""

    def __init__(self, fleet: Fleet, product: str) -> None:
        self.fleet = fleet
        ids = people(fleet, "enrol", "--product", product)
        self.id, self.email = ids["userId"], ids["email"]

    def buy(self, product: str) -> str:
        """Orders, pays on the bank's page, and waits until the bank has told so."""
        return people(self.fleet, "buy", "--of", self.email, "--product", product)["orderId"]

    def erase(self) -> None:
        people(self.fleet, "erase", "--of", self.email)


def products(fleet: Fleet) -> list[str]:
    active = "select product_id from products where state = 'active' order by product_id"
    return [row[0] for row in fleet.query("payments", active)]
