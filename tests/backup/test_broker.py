"""The broker's management API by TLS: an authority of its own, and no proxy."""

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import backup
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pipeline import Broken
from store import Store

DEFINITIONS = b'{"queues": []}'


class Broker(http.server.BaseHTTPRequestHandler):
    """Gives its definitions to anybody."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(DEFINITIONS)

    def log_message(self, format: str, *args: object) -> None:
        pass


def certificate(folder: Path) -> Path:
    """A key with a certificate that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).add_extension(here, False)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "broker.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form)
        + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def broker(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The broker's authority, while its management API answers."""
    assert bucket.is_dir()
    file = certificate(tmp_path)
    server = http.server.HTTPServer(("127.0.0.1", 0), Broker)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("BACKUP_RABBITMQ_URL", "amqps://school:secret@127.0.0.1:5671/school")
    monkeypatch.setenv("BACKUP_RABBITMQ_MANAGEMENT_PORT", str(server.server_port))
    # As in a pod whose bucket is reached by the egress proxy; nobody is there.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    yield file
    server.shutdown()
    server.server_close()


def test_its_own_authority_is_believed_and_the_proxy_not_asked(
    broker: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_RABBITMQ_CA_FILE", str(broker))
    backup.rabbitmq(store)
    assert [manifest.kind for manifest in store.manifests()] == ["rabbitmq"]


def test_without_its_authority_it_is_anybody(broker: Path, store: Store) -> None:
    assert broker.exists()
    with pytest.raises(Broken, match="CERTIFICATE_VERIFY_FAILED"):
        backup.rabbitmq(store)
