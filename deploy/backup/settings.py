"""What the environment says. A variable X may come from the file that X_FILE names."""

from __future__ import annotations

import base64
import os
import ssl
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline import Broken


def secret(name: str) -> str | None:
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Broken(f"{name}_FILE cannot be read: {error}") from error
    return os.environ.get(name) or None


def required(name: str) -> str:
    value = secret(name)
    if not value:
        raise Broken(f"{name} is not set")
    return value


def database() -> dict[str, str]:
    """Variables by which PostgreSQL's programs find the database, so that no password is in an argument.

    Either BACKUP_DATABASE_URL, or PGHOST, PGPORT, PGDATABASE, PGUSER as they are with BACKUP_DATABASE_PASSWORD.
    """
    url = secret("BACKUP_DATABASE_URL")
    if not url:
        return {"PGDATABASE": required("PGDATABASE"), "PGPASSWORD": required("BACKUP_DATABASE_PASSWORD")}
    parts = urlsplit(url)
    found = {
        "PGHOST": parts.hostname,
        "PGPORT": parts.port and str(parts.port),
        "PGUSER": parts.username and unquote(parts.username),
        "PGPASSWORD": parts.password and unquote(parts.password),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
    }
    return {name: value for name, value in found.items() if value}


def broker() -> tuple[str, str]:
    """Where the management API gives the definitions, and with which authorization.

    BACKUP_RABBITMQ_URL is the services' `amqp(s)://…/vhost`, from which one virtual host is taken, or `http(s)://…` of the
    management API, whose administrator gets everything, users too.
    """
    parts = urlsplit(required("BACKUP_RABBITMQ_URL"))
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    authorization = "Basic " + base64.b64encode(login.encode()).decode()
    if parts.scheme in ("http", "https"):
        return (
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/api/definitions",
            authorization,
        )
    if parts.scheme not in ("amqp", "amqps"):
        raise Broken("BACKUP_RABBITMQ_URL is none of amqp, amqps, http, https")
    scheme, port = ("https", "15671") if parts.scheme == "amqps" else ("http", "15672")
    port = os.environ.get("BACKUP_RABBITMQ_MANAGEMENT_PORT") or port
    vhost = parts.path.lstrip("/") or "%2F"
    return f"{scheme}://{parts.hostname}:{port}/api/definitions/{vhost}", authorization


def broker_opener() -> urllib.request.OpenerDirector:
    """How the management API is asked: by an authority of its own where there is one, which is not the bucket's, and
    never through the proxy that leads to the bucket."""
    trusted = ssl.create_default_context(cafile=os.environ.get("BACKUP_RABBITMQ_CA_FILE") or None)
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
