"""The certificates of one control plane, by authorities whose keys are thrown away once used."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=365)
"""How long a certificate is good for."""

_REMAKE_BEFORE = timedelta(days=7)
_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
_CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
_SERVER_NAMES: tuple[x509.GeneralName, ...] = (
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("10.96.0.1")),
    x509.DNSName("localhost"),
    x509.DNSName("kubernetes"),
    x509.DNSName("kubernetes.default.svc"),
)


@dataclass(frozen=True)
class Certificates:
    """Where the files of an authority and of the certificates that it signed are."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that all others are signed with."""
        return self.folder / "ca.crt"

    def certificate(self, name: str) -> Path:
        """Return the certificate of `apiserver`, `admin` or `front-proxy`."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return a certificate's key, or that of `service-account`."""
        return self.folder / f"{name}.key"

    @property
    def service_account_public_key(self) -> Path:
        """What service account tokens are verified with."""
        return self.folder / "service-account.pub"


def are_valid(folder: Path, now: datetime | None = None) -> bool:
    """Tell whether a folder holds certificates that stay good for another week."""
    try:
        authority = x509.load_pem_x509_certificate(Certificates(folder).authority.read_bytes())
    except (OSError, ValueError):
        return False
    return authority.not_valid_after_utc - _REMAKE_BEFORE > (now or datetime.now(UTC))


def write(folder: Path, now: datetime | None = None) -> Certificates:
    """Make all certificates and keys, unless there are good ones; the folder appears as a whole."""
    return _write(folder, now or datetime.now(UTC), _fill)


def write_server(folder: Path, name: str, host: str, now: datetime | None = None) -> Certificates:
    """Make a server's certificate, with an authority of its own, unless there is a good one."""

    def fill(new: Path, at: datetime) -> None:
        _Authority(new, at).issue(name, host, None, _SERVER, (x509.DNSName(host),))

    return _write(folder, now or datetime.now(UTC), fill)


def _write(folder: Path, now: datetime, fill: Callable[[Path, datetime], None]) -> Certificates:
    if are_valid(folder, now):
        return Certificates(folder)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # mode 0700
    fill(new, now)
    shutil.rmtree(folder, ignore_errors=True)
    new.replace(folder)
    return Certificates(folder)


def _fill(folder: Path, now: datetime) -> None:
    files = Certificates(folder)
    authority = _Authority(folder, now)
    # The API server's is etcd's and kwok's too, and etcd calls itself with it.
    authority.issue("apiserver", "kube-apiserver", None, (*_SERVER, *_CLIENT), _SERVER_NAMES)
    authority.issue("admin", "admin", "system:masters", _CLIENT)
    authority.issue("front-proxy", "front-proxy-client", None, _CLIENT)
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(files.key("service-account"), pair)
    files.service_account_public_key.write_bytes(
        pair.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


class _Authority:
    def __init__(self, folder: Path, now: datetime) -> None:
        self._files = Certificates(folder)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _subject("tfserving-sandbox")
        self._from = now - timedelta(minutes=5)  # clocks of containers and their hosts differ
        self._until = now + VALIDITY
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        self._files.authority.write_bytes(
            _pem(
                self._builder(self._key, self._subject)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(usage, critical=True)
                .sign(self._key, hashes.SHA256())
            )
        )

    def issue(
        self,
        name: str,
        common_name: str,
        organization: str | None,
        usages: tuple[x509.ObjectIdentifier, ...],
        names: tuple[x509.GeneralName, ...] = (),
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            self._builder(key, _subject(common_name, organization))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(issuer, critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        self._files.certificate(name).write_bytes(_pem(signed))
        _write_key(self._files.key(name), key)

    def _builder(
        self, key: ec.EllipticCurvePrivateKey, subject: x509.Name
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._until)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )


def _subject(common_name: str, organization: str | None = None) -> x509.Name:
    named = {NameOID.ORGANIZATION_NAME: organization, NameOID.COMMON_NAME: common_name}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in named.items() if value])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
