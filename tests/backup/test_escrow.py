"""Any two officers open what one cannot."""

import json
import sys
from pathlib import Path

import escrow
import pytest
from pipeline import Broken

OFFICERS = {"anna": "key-a", "boris": "key-b", "vera": "key-v"}
SECRETS = b"the key of all keys"

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def box(tmp_path: Path) -> str:
    """A sealed box, and each officer's key file beside it."""
    for name, key in OFFICERS.items():
        (tmp_path / name).write_text(key)
    file = tmp_path / "escrow.json"
    file.write_text(json.dumps(escrow.seal(SECRETS, OFFICERS)))
    return str(file)


def call(monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes], *words: str) -> bytes:
    monkeypatch.setattr(sys, "argv", ["escrow.py", *words])
    escrow.main()
    return capture.readouterr().out


@pytest.mark.parametrize("first", OFFICERS)
@pytest.mark.parametrize("then", OFFICERS)
def test_any_two_open_it(
    box: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    first: str,
    then: str,
) -> None:
    words = ["open", f"--officer={first}={tmp_path / first}", f"--officer={then}={tmp_path / then}", box]
    if first == then:
        with pytest.raises(Broken, match="named twice"):
            call(monkeypatch, capfdbinary, *words)
    else:
        assert call(monkeypatch, capfdbinary, *words) == SECRETS


def test_one_alone_gets_half(
    box: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    half = call(monkeypatch, capfdbinary, "peel", f"--officer=anna={tmp_path / 'anna'}", "--for", "vera", box)
    assert half == b"age for key-v\n" + SECRETS
    with pytest.raises(Broken, match="two officers open"):
        call(monkeypatch, capfdbinary, "open", f"--officer=anna={tmp_path / 'anna'}", box)


def test_another_key_opens_nothing(
    box: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "boris").write_text("another")
    with pytest.raises(Broken, match="age failed"):
        words = [f"--officer={name}={tmp_path / name}" for name in ("anna", "boris")]
        call(monkeypatch, capfdbinary, "open", *words, box)


def test_a_stranger_has_no_layer(box: str) -> None:
    with pytest.raises(Broken, match="nothing is sealed for anna and gleb"):
        escrow.layer(json.loads(Path(box).read_text()), "anna", "gleb")


def test_what_would_protect_nothing_is_not_sealed() -> None:
    with pytest.raises(Broken, match="two officers with different keys"):
        escrow.seal(SECRETS, {"anna": "key-a"})
    with pytest.raises(Broken, match="two officers with different keys"):
        escrow.seal(SECRETS, {"anna": "key", "boris": "key"})
    with pytest.raises(Broken, match="nothing to seal"):
        escrow.seal(b"", OFFICERS)
