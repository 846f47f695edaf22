"""The parts that dashboards are made of, as Grafana's JSON (schema 41, Grafana 11 and later)."""

from typing import Any

Json = dict[str, Any]

# Every panel asks the data source that the reader has chosen.
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Whose metrics: the services of the chosen schools.
FLEET = 'job="lyceum", namespace=~"$namespace"'
# Rates take the interval that fits both the scrapes and the picture.
RATE = "$__rate_interval"


def steps(*limits: tuple[float | None, str]) -> Json:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in limits]}


def target(expression: str, legend: str, number: int, instant: bool) -> Json:
    return {
        "refId": chr(ord("A") + number),
        "datasource": SOURCE,
        "expr": expression,
        "legendFormat": legend or "__auto",
        "editorMode": "code",
        "range": not instant,
        "instant": instant,
    }


def panel(
    kind: str, title: str, description: str, queries: list[tuple[str, str]], unit: str, instant: bool, width: int
) -> Json:
    """What all panels have. Width is of 24."""
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "gridPos": {"w": width, "h": 8, "x": 0, "y": 0},
        "targets": [target(expression, legend, number, instant) for number, (expression, legend) in enumerate(queries)],
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {},
    }


def series(
    title: str,
    description: str,
    queries: list[tuple[str, str]],
    unit: str,
    *,
    width: int = 8,
    stacked: bool = False,
    limit: float | None = None,
) -> Json:
    """Lines over time; `limit` is drawn where an alert fires."""
    made = panel("timeseries", title, description, queries, unit, False, width)
    custom: Json = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    defaults = made["fieldConfig"]["defaults"]
    defaults |= {"custom": custom, "min": 0}
    if limit is not None:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        defaults["thresholds"] = steps((None, "transparent"), (limit, "red"))
    made["options"] = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"], "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return made


def stat(
    title: str,
    description: str,
    expression: str,
    unit: str,
    *limits: tuple[float | None, str],
    width: int = 4,
    decimals: int | None = None,
    legend: str = "",
) -> Json:
    """One number now, coloured by limits."""
    made = panel("stat", title, description, [(expression, legend)], unit, True, width)
    made["gridPos"]["h"] = 5
    made["fieldConfig"]["defaults"] |= {"thresholds": steps(*(limits or ((None, "green"),)))}
    if decimals is not None:
        made["fieldConfig"]["defaults"]["decimals"] = decimals
    made["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto" if not legend else "value_and_name",
    }
    return made


def table(title: str, description: str, expression: str, unit: str, *, width: int = 12) -> Json:
    """Rows by label, the biggest first."""
    made = panel("table", title, description, [(expression, "")], unit, True, width)
    made["targets"][0]["format"] = "table"
    made["transformations"] = [
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": {}}},
        {"id": "sortBy", "options": {"sort": [{"field": "Value", "desc": True}]}},
    ]
    made["options"] = {"showHeader": True, "cellHeight": "sm"}
    return made


def alerts(title: str, description: str, labels: str, *, width: int = 12) -> Json:
    """Alerts that fire, as Prometheus writes them."""
    return table(
        title,
        description,
        f'sum by (alertname, severity, service) (ALERTS{{alertstate="firing", alertname!="Watchdog"{labels}}})',
        "none",
        width=width,
    )


def variable(name: str, label: str, query: str, *, everything: bool = True) -> Json:
    """A choice among the values of a label."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "Variable", "qryType": 1},
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": everything,
        "allValue": ".*" if everything else None,
        "current": {"text": "All", "value": "$__all"} if everything else {},
        "options": [],
        "hide": 0,
        "regex": "",
        "skipUrlSync": False,
    }


NAMESPACE = variable("namespace", "School (namespace)", "label_values(lyceum_build_info, namespace)")


def board(uid: str, title: str, description: str, variables: list[Json], rows: list[tuple[str, list[Json]]]) -> Json:
    """A dashboard: rows of panels, laid out from left to right."""
    panels: list[Json] = []
    y = 0
    for name, row in rows:
        panels.append(
            {
                "type": "row",
                "title": name,
                "collapsed": False,
                "panels": [],
                "gridPos": {"w": 24, "h": 1, "x": 0, "y": y},
            }
        )
        x, y, height = 0, y + 1, 0
        for made in row:
            place = made["gridPos"]
            if x + place["w"] > 24:
                x, y, height = 0, y + height, 0
            place |= {"x": x, "y": y}
            x, height = x + place["w"], max(height, place["h"])
            panels.append(made)
        y += height
    for number, made in enumerate(panels, 1):
        made["id"] = number
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "options": [],
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["lyceum", "generated"],
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "timezone": "browser",
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source, *variables]},
        "annotations": {"list": []},
        "panels": panels,
        "links": [
            {
                "title": "Lyceum",
                "type": "dashboards",
                "tags": ["lyceum"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
    }
