"""Tables in READMEs that are written by programs: the chart's values, from the comments (`# --`) of the two
values.yaml, and what a school asks for, from helm/capacity.py."""

import re
import subprocess
import sys
from dataclasses import dataclass

import yaml
from tools import CHART, ROOT

README = CHART / "README.md"
# From the marker in the README to the file whose values stand there.
TABLES = {"release": CHART / "values.yaml", "service": CHART / "charts/service/values.yaml"}
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z0-9_.-]+):(?P<rest>.*)$")


@dataclass
class Value:
    path: str
    default: object
    description: str


def leaf(value: object, inline: bool) -> bool:
    return inline or not isinstance(value, dict) or not value


def read(text: str) -> list[Value]:
    """The values with their comments, in the file's order."""
    tree, values = yaml.safe_load(text), []
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    block: int | None = None
    for line in text.splitlines():
        stripped = line.strip()
        depth = len(line) - len(line.lstrip())
        if block is not None and (not stripped or depth > block or stripped.startswith("-")):
            continue
        block = None
        if stripped.startswith("# -- "):
            comment = [stripped.removeprefix("# -- ")]
        elif stripped.startswith("# ") and comment:
            comment.append(stripped.removeprefix("# "))
        elif (found := KEY.match(line)) is not None:
            path = [(indent, key) for indent, key in path if indent < depth] + [(depth, found["key"])]
            names = [key for _, key in path]
            value = tree
            for name in names:
                value = value[name]
            inline = bool(found["rest"].partition(" #")[0].strip())
            if comment or leaf(value, inline):
                shown = value if leaf(value, inline) else None
                values.append(Value(".".join(names), shown, " ".join(comment)))
            if leaf(value, inline):
                block = depth
            comment = []
        else:
            comment = []
    return values


def show(default: object) -> str:
    if default is None:
        return ""
    text = yaml.safe_dump(default, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    text = text.removesuffix("\n").removesuffix("...").strip()
    return "`" + text.replace("|", "\\|") + "`"


def rows(values: list[Value]) -> str:
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for value in values:
        description = value.description.replace("|", "\\|")
        lines.append(f"| `{value.path}` | {show(value.default)} | {description} |")
    return "\n".join(lines)


def between(text: str, name: str, table: str) -> str:
    """The text with another table between its markers."""
    begin, end = f"<!-- {name} -->", f"<!-- end: {name.removeprefix('values: ')} -->"
    if begin not in text or end not in text:
        raise ValueError(f"there is no {begin} … {end}")
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def of_values(readme: str) -> str:
    for name, file in TABLES.items():
        readme = between(readme, f"values: {name}", rows(read(file.read_text())))
    return readme


def of_capacity(readme: str) -> str:
    command = [sys.executable, str(ROOT / "helm/capacity.py")]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return between(readme, "capacity", table)


def check(accept: bool) -> list[str]:
    bad = []
    for path, write in ((README, of_values), (ROOT / "helm/README.md", of_capacity)):
        now = path.read_text()
        fresh = write(now)
        if accept:
            path.write_text(fresh)
        elif fresh != now:
            bad.append(
                f'{path.relative_to(ROOT)} is not what its source says: run tests/chart/run.py --accept "tables of READMEs"'
            )
    return bad
