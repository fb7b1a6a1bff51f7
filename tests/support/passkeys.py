"""A passkey in software: it answers what a browser's `navigator.credentials` would, for one key on one site."""

import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

ORIGIN = "https://testserver"
# Present, verified by the phone's lock, and for a registration with the key itself.
PRESENT_AND_VERIFIED, WITH_KEY = 0x05, 0x40


class Passkey:
    """A key that the phone's lock guards; it knows whose it is once it is registered."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(16)
        self.user_handle = ""
        self.uses = 0

    def register(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answers navigator.credentials.create() for the server's creation options."""
        asked = options["publicKey"]
        self.user_handle = asked["user"]["id"]
        key = AttestedCredentialData.create(
            b"\0" * 16, self.credential_id, ES256.from_cryptography_key(self.private.public_key())
        )
        data = AuthenticatorData.create(self._site(asked["rp"]["id"]), PRESENT_AND_VERIFIED | WITH_KEY, 0, key)
        said = _client_data("webauthn.create", asked["challenge"])
        found = {
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
            "clientDataJSON": websafe_encode(said),
        }
        return self._credential(found, {"credProps": {"rk": True}})

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answers navigator.credentials.get() for the server's request options."""
        asked = options["publicKey"]
        self.uses += 1
        data = AuthenticatorData.create(self._site(asked["rpId"]), PRESENT_AND_VERIFIED, self.uses)
        said = _client_data("webauthn.get", asked["challenge"])
        signature = self.private.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        found = {
            "authenticatorData": websafe_encode(data),
            "clientDataJSON": websafe_encode(said),
            "signature": websafe_encode(signature),
            "userHandle": self.user_handle,
        }
        return self._credential(found, {})

    def _credential(self, response: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        more = {"authenticatorAttachment": "platform", "clientExtensionResults": extensions}
        return {"id": name, "rawId": name, "type": "public-key", "response": response, **more}

    def _site(self, name: str) -> bytes:
        return hashlib.sha256(name.encode()).digest()


def _client_data(kind: str, challenge: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": ORIGIN, "crossOrigin": False}).encode()
