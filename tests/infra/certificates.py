"""Certificates for brokers in tests, made for each run."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from infra.ports import HOST


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs: `ca_file` is what others trust it by."""

    ca: trustme.CA
    ca_file: Path

    def keystore(self, path: Path, host: str = HOST) -> Path:
        """A PEM file of a new private key and its certificate for `host`, as Kafka wants it."""
        issued = self.ca.issue_cert(host)
        key = load_pem_private_key(issued.private_key_pem.bytes(), password=None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(pem + b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return path


def new_authority(folder: Path) -> Authority:
    """An authority that nothing else trusts."""
    folder.mkdir(parents=True, exist_ok=True)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    return Authority(ca, folder / "ca.pem")
