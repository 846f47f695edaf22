"""The tables of values in the chart's README, written from the comments (`# --`) of the two values.yaml."""

import re
from dataclasses import dataclass

import yaml

from tools import CHART

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


def written(readme: str) -> str:
    """The README with its tables as the values are now."""
    for name, file in TABLES.items():
        begin, end = f"<!-- values: {name} -->", f"<!-- end: {name} -->"
        if begin not in readme or end not in readme:
            raise ValueError(f"{README.name} has no {begin} … {end}")
        head, _, rest = readme.partition(begin)
        readme = f"{head}{begin}\n{rows(read(file.read_text()))}\n{end}{rest.partition(end)[2]}"
    return readme


def check(accept: bool) -> list[str]:
    now = README.read_text()
    fresh = written(now)
    if accept:
        README.write_text(fresh)
    elif fresh != now:
        return ["it is not what values.yaml says: run tests/chart/run.py --accept \"the README's values\""]
    return []
