from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

from sandbox.control_plane import certificates
from sandbox.control_plane.certificates import Certificates


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_api_servers_certificate_is_good_for_every_name_it_is_called_by(tmp_path: Path) -> None:
    files = certificates.write(tmp_path / "c")
    builder = PolicyBuilder().store(Store([load(files.authority)]))
    for name in ("localhost", "kubernetes", "kubernetes.default.svc"):
        verifier = builder.build_server_verifier(x509.DNSName(name))
        assert verifier.verify(load(files.certificate("apiserver")), [])


def test_clients_are_who_the_api_server_takes_them_for(tmp_path: Path) -> None:
    files = certificates.write(tmp_path / "c")
    subjects = {
        name: load(files.certificate(name)).subject.rfc4514_string()
        for name in ("admin", "front-proxy")
    }
    assert subjects == {
        "admin": "CN=admin,O=system:masters",
        "front-proxy": "CN=front-proxy-client",
    }
    for name in subjects:
        load(files.certificate(name)).verify_directly_issued_by(load(files.authority))


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    files = certificates.write(tmp_path / "c")
    assert files.folder.stat().st_mode & 0o777 == 0o700
    keys = sorted(files.folder.glob("*.key"))
    assert len(keys) == 4
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}


def test_each_key_belongs_to_its_certificate(tmp_path: Path) -> None:
    files = certificates.write(tmp_path / "c")
    for name in ("apiserver", "admin", "front-proxy"):
        key = load_pem_private_key(files.key(name).read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.public_key() == load(files.certificate(name)).public_key()
    pair = load_pem_private_key(files.key("service-account").read_bytes(), None)
    assert isinstance(pair, rsa.RSAPrivateKey)


def test_good_certificates_are_kept_and_ageing_ones_are_made_anew(tmp_path: Path) -> None:
    folder, now = tmp_path / "c", datetime.now(UTC)
    first = certificates.write(folder).authority.read_bytes()
    assert certificates.write(folder).authority.read_bytes() == first
    later = now + certificates.VALIDITY - timedelta(days=1)
    assert not certificates.are_valid(folder, later)
    assert certificates.write(folder, later).authority.read_bytes() != first
    assert load(Certificates(folder).authority).not_valid_after_utc > later


def test_a_write_that_was_interrupted_counts_for_nothing_and_is_cleared_away(
    tmp_path: Path,
) -> None:
    (tmp_path / ".c.half").mkdir()
    (tmp_path / ".c.half" / "ca.crt").write_text("half")
    assert not certificates.are_valid(tmp_path / "c")
    certificates.write(tmp_path / "c")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
