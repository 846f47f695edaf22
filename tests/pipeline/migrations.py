"""Refuses migrations that would lock a table under load or break the release before them (N-1), which runs beside them.

`released.json` lists the migrations of the releases so far. They are never touched again; everything newer is
checked: by squawk, and by what squawk does not know. A table that is made in the same release is nobody's yet: it may
be changed at will. What is wanted all the same is said right above the statement, with the reason:

    -- lint: ban-drop-column: nothing has read it since 0.4.0

Usage: migrations.py [accept]
"""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sql import Statement, statements

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RELEASED = HERE / "released.json"
NAME = re.compile(r"\d{14}_[a-z0-9_]+\.sql")
EXCUSE = re.compile(r"lint: (?P<rule>[a-z-]+): (?P<reason>.{12,})")
NO_TRANSACTION = "-- no-transaction"
TABLE = r"(?:only )?(?:if (?:not )?exists )?(?:\w+\.)?\"?(?P<table>\w+)\"?"
# What PostgreSQL refuses inside a transaction.
ALONE = re.compile(
    r"(?:create (?:unique )?index|drop index|reindex \w+|alter table .* detach partition \S+) concurrently\b|vacuum\b|.* concurrently$",
    re.S,
)
LONGEST_LOCK_TIMEOUT = 5000

# Rule, what the statement looks like, what is wrong with it. A `table` that was made in this release is spared.
RULES = [
    ("locks-table", rf"lock (?:table )?{TABLE}", "it holds up everybody until the migration ends"),
    ("locks-table", rf"(?:vacuum \(?full\)?|cluster) ?{TABLE}", "it rewrites the table while nobody may read it"),
    (
        "locks-table",
        rf"alter table {TABLE} set (?:tablespace|logged|unlogged)\b",
        "it rewrites the table while nobody may read it",
    ),
    (
        "changes-rows",
        rf"(?:update|delete from|merge into) {TABLE}",
        "rows are changed in small steps by a job of the service, not under a migration's locks",
    ),
    ("changes-rows", rf"truncate (?:table )?{TABLE}", "the release before still reads these rows"),
    (
        "tightens-rules",
        rf"alter table {TABLE} add (?:constraint \w+ )?check\b",
        "the release before may still write what the rule refuses",
    ),
    (
        "tightens-rules",
        rf"create unique index (?:concurrently )?(?:if not exists )?\w+ on {TABLE}",
        "the release before may still write what the rule refuses",
    ),
    (
        "tightens-rules",
        rf"alter table {TABLE} (?:enable|force) row level security\b",
        "the release before does not know the policies",
    ),
    (
        "tightens-rules",
        rf"create (?:or replace )?(?:constraint )?trigger \w+ .*? on {TABLE}",
        "the release before does not expect what the trigger does",
    ),
    ("tightens-rules", rf"revoke .*? on (?:table )?{TABLE}", "the release before still uses the right"),
]


@dataclass(frozen=True)
class Migration:
    path: str
    text: str

    @property
    def service(self) -> str:
        return self.path.split("/")[1]

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[1]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def transactional(self) -> bool:
        return not self.text.startswith(NO_TRANSACTION)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def squawk(name: str, text: str, transactional: bool) -> list[tuple[int, str, str]]:
    """What squawk finds: line, rule, message."""
    program = Path(sys.executable).with_name("squawk")
    command = [str(program), "--config", str(HERE / "squawk.toml"), "--reporter", "json", "--stdin-filepath", name]
    command += [] if transactional else ["--no-assume-in-transaction"]
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    try:
        found = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise SystemExit(f"squawk failed: {done.stdout}{done.stderr}") from None
    return [
        (item["line"] + 1, item["rule_name"], " ".join(filter(None, (item["message"], item["help"])))) for item in found
    ]


def check(migrations: list[Migration], released: dict[str, str]) -> list[Finding]:
    """Everything that is wrong with these migrations, of which some are released: path and SHA-256."""
    findings = []
    by_path = {migration.path: migration for migration in migrations}
    for path, digest in released.items():
        if path not in by_path:
            findings.append(
                Finding(path, 1, "released", "it was released and cannot be taken back: databases remember it")
            )
        elif by_path[path].digest != digest:
            findings.append(
                Finding(path, 1, "released", "it was released and must not change: databases refuse another text")
            )
    for service in sorted({migration.service for migration in migrations}):
        new = sorted((m for m in migrations if m.service == service and m.path not in released), key=lambda m: m.name)
        newest = max((path.rsplit("/", 1)[1] for path in released if path.split("/")[1] == service), default="")
        findings += check_release(new, newest)
    return findings


def check_release(new: list[Migration], newest_released: str) -> list[Finding]:
    """The new migrations of one service, in their order."""
    findings = []
    for migration in new:
        if not NAME.fullmatch(migration.name):
            findings.append(Finding(migration.path, 1, "name", "expected YYYYMMDDhhmmss_what.sql"))
        if migration.name[:14] <= newest_released[:14]:
            findings.append(
                Finding(migration.path, 1, "name", f"it comes before {newest_released}, which was released")
            )
    made = {
        creates["table"]
        for migration in new
        for statement in statements(migration.text)
        if (creates := re.match(rf"create (?:unlogged )?table {TABLE}", statement.words))
    }
    # One text, so that squawk knows the tables that an earlier migration of the release made.
    together, offsets, length = "", [], 0
    for migration in (m for m in new if m.transactional):
        offsets.append((length, migration))
        text = migration.text.rstrip("\n") + "\n"
        together += text
        length += text.count("\n")
    found: list[tuple[Migration, int, str, str]] = []
    for line, rule, message in squawk("release.sql", together, True) if together else []:
        start, migration = next(item for item in reversed(offsets) if item[0] < line)
        found.append((migration, line - start, rule, message))
    for migration in (m for m in new if not m.transactional):
        found += [(migration, *item) for item in squawk(migration.name, migration.text, False)]
    for migration in new:
        found += [(migration, *item) for item in own_rules(migration, made)]
    for migration, line, rule, message in sorted(found, key=lambda item: (item[0].name, item[1])):
        if not excused(migration, line, rule):
            findings.append(Finding(migration.path, line, rule, message))
    return findings


def own_rules(migration: Migration, made: set[str]) -> list[tuple[int, str, str]]:
    found = []
    if "squawk-ignore" in migration.text:
        found.append(
            (1, "excuse", "write `-- lint: rule: reason` instead of squawk's own comment, which needs no reason")
        )
    cut = statements(migration.text)
    if not migration.transactional and len(cut) > 1:
        found.append(
            (cut[1].first_line, "transaction", "several statements of one migration are a transaction again: write one")
        )
    for statement in cut:
        words = statement.words
        if migration.transactional and ALONE.match(words):
            found.append(
                (
                    statement.first_line,
                    "transaction",
                    f"it cannot run in one: write `{NO_TRANSACTION}` in the first line",
                )
            )
        for rule, pattern, message in RULES:
            match = re.match(pattern, words, re.S)
            if match and match.groupdict().get("table") not in made:
                found.append((statement.first_line, rule, message))
        # Several changes of a table in one statement: each is looked at as if it stood alone.
        for part in parts(statement):
            for rule, pattern, message in RULES:
                match = re.match(pattern, part, re.S)
                if match and match.groupdict().get("table") not in made:
                    found.append((statement.first_line, rule, message))
        timeout = re.match(r"set (?:local |session )?lock_timeout (?:=|to) (?P<value>.*)", words)
        if timeout and lock_timeout(migration, statement) > LONGEST_LOCK_TIMEOUT:
            found.append(
                (
                    statement.first_line,
                    "locks-table",
                    "who waits for a lock holds up everybody behind: five seconds at most",
                )
            )
    return found


def parts(statement: Statement) -> list[str]:
    """`alter table t add …, add …` as several statements; the first one is the statement itself."""
    head = re.match(rf"alter table {TABLE} ", statement.words)
    if not head:
        return []
    depth, cut, pieces = 0, head.end(), []
    for index, sign in enumerate(statement.words[head.end() :], head.end()):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            pieces.append(statement.words[cut:index].strip())
            cut = index + 1
    return [head.group() + piece for piece in [*pieces[1:], statement.words[cut:].strip()]] if pieces else []


def lock_timeout(migration: Migration, statement: Statement) -> float:
    """In milliseconds; 0, which is for ever, counts as infinite."""
    lines = migration.text.split("\n")[statement.first_line - 1 : statement.last_line]
    value = re.search(r"lock_timeout\s*(?:=|to)\s*'?\s*(\d+)\s*(ms|s|min|h)?", " ".join(lines), re.I)
    if not value or not int(value[1]):
        return float("inf")
    return int(value[1]) * {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}[(value[2] or "ms").lower()]


def excused(migration: Migration, line: int, rule: str) -> bool:
    for statement in statements(migration.text):
        if statement.first_line <= line <= statement.last_line:
            excuses = [EXCUSE.fullmatch(comment) for comment in statement.comments]
            return any(excuse and excuse["rule"] == rule for excuse in excuses)
    return False


def committed() -> list[Migration]:
    paths = sorted([*ROOT.glob("services/*/migrations/*.sql"), *ROOT.glob("libs/*/migrations/*.sql")])
    return [Migration(str(path.relative_to(ROOT)), path.read_text()) for path in paths]


def main() -> int:
    migrations = committed()
    if sys.argv[1:] == ["accept"]:
        RELEASED.write_text(json.dumps({m.path: m.digest for m in migrations}, indent=1, sort_keys=True) + "\n")
        return 0
    findings = check(migrations, json.loads(RELEASED.read_text()))
    for finding in findings:
        print(finding)
    new = len(migrations) - len(json.loads(RELEASED.read_text()))
    print(f"{len(migrations)} migrations, {new} newer than the last release, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
