"""Old documents for tests: honest ones in every spelling, and bad ones with what the report must say of them."""

import copy
import datetime as dt
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Document = dict[str, Any]
SNAKE = {
    "userId": "user_id",
    "cardType": "card_type",
    "issuerProvider": "issuer_provider",
    "issuerCardId": "issuer_card_id",
    "issuerCardToken": "issuer_card_token",
    "encryptedCardNumber": "encrypted_card_number",
    "encryptedCvv": "encrypted_cvv",
    "expiryMonth": "expiry_month",
    "expiryYear": "expiry_year",
    "lastFour": "last_four",
    "spendingLimits": "spending_limits",
    "perTransaction": "per_transaction",
    "kycVerified": "kyc_verified",
    "complianceFlags": "compliance_flags",
    "lastSyncedAt": "last_synced_at",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "cardId": "card_id",
    "issuerTransactionId": "issuer_transaction_id",
    "issuerEventType": "issuer_event_type",
    "merchantInfo": "merchant_info",
    "transactionType": "transaction_type",
    "authorizationCode": "authorization_code",
    "processingStatus": "processing_status",
}


def oid(kind: int, number: int) -> str:
    """An ObjectId of January 2024."""
    return f"65{kind:06x}{number:016x}"


def card(number: int = 1, **changes: Any) -> Document:
    """A VirtualCard document with every field of the old schema, in its own names."""
    return {
        "_id": oid(0x930001, number),
        "userId": oid(0x930002, number),
        "cardType": "visa",
        "issuerProvider": "stripe",
        "issuerCardId": f"ic_old_{number}",
        "issuerCardToken": f"tok_old_{number}",
        "encryptedCardNumber": f"v1:{number:032x}",
        "encryptedCvv": f"v1:{number:016x}",
        "expiryMonth": 7,
        "expiryYear": 2031,
        "lastFour": f"{number % 10_000:04d}",
        "spendingLimits": {"daily": 1000, "monthly": 5000, "perTransaction": 500},
        "status": "active",
        "kycVerified": True,
        "complianceFlags": ["manual_review"],
        "lastSyncedAt": "2024-03-01T10:00:00Z",
        "balance": 12.5,
        "createdAt": "2024-01-02T03:04:05.678Z",
        "updatedAt": "2024-02-03T04:05:06Z",
    } | changes


def transaction(number: int = 1, card_number: int = 1, **changes: Any) -> Document:
    """A Transaction document with every field of the old schema, on the card of that number."""
    return {
        "_id": oid(0x940001, number),
        "userId": oid(0x930002, card_number),
        "cardId": oid(0x930001, card_number),
        "issuerTransactionId": f"ipi_old_{number}",
        "issuerEventType": "issuing_transaction.created",
        "merchantInfo": {
            "name": "Starbucks Coffee",
            "category": "restaurants",
            "location": "New York, US",
            "mcc": "5812",
        },
        "transactionType": "settlement",
        "authorizationCode": "A1B2C3",
        "processingStatus": "settled",
        "amount": 45,
        "createdAt": "2024-02-03T04:05:06Z",
    } | changes


def without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def snake(value: Any) -> Any:
    """The same document in section 7's names."""
    if isinstance(value, dict):
        return {SNAKE.get(name, name): snake(member) for name, member in value.items()}
    return value


def extended(document: Document) -> Document:
    """The same document as mongoexport writes it."""
    wrapped = copy.deepcopy(document)
    for name in ("_id", "userId", "cardId"):
        if name in wrapped:
            wrapped[name] = {"$oid": wrapped[name]}
    for name in ("createdAt", "updatedAt", "lastSyncedAt"):
        if name in wrapped:
            moment = dt.datetime.fromisoformat(wrapped[name])
            wrapped[name] = {"$date": {"$numberLong": str(int(moment.timestamp() * 1000 + 0.5))}}
    if "spendingLimits" in wrapped:
        wrapped["spendingLimits"] = {
            name: {"$numberInt": str(limit)} for name, limit in wrapped["spendingLimits"].items()
        }
        wrapped["balance"] = {"$numberDecimal": str(wrapped["balance"])}
    return wrapped


SPELLINGS: list[Callable[[Document], Document]] = [dict, snake, extended]


def write(path: Path, lines: list[Any]) -> Path:
    """Documents, or lines as they are (text or bytes), as a file."""
    path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    return path


def encoded(line: Any) -> bytes:
    if isinstance(line, bytes):
        return line
    return line.encode() if isinstance(line, str) else json.dumps(line, ensure_ascii=False).encode()


# What is wrong, and what the report must say of it. `n` is a number that no other document has.
BAD: list[tuple[str, Callable[[int], Any]]] = [
    ("not JSON", lambda n: json.dumps(card(n))[:-7]),
    ("not JSON", lambda n: "}{"),
    ("not an object", lambda n: f"[{json.dumps(card(n))}]"),
    ("not an object", lambda n: "12"),
    ("not UTF-8", lambda n: json.dumps(card(n)).encode() + b"\xff"),
    ("'status' stands twice", lambda n: json.dumps(card(n))[:-1] + ', "status": "frozen"}'),
    ("NaN is no JSON", lambda n: json.dumps(card(n, balance=float("nan")))),
    ("Infinity is no JSON", lambda n: json.dumps(transaction(n, amount=float("inf")))),
    ("cannot tell what the line is", lambda n: {"_id": oid(1, n), "userId": "someone"}),
    ("no kind of document", lambda n: {"model": "Invoice", **card(n)}),
    ("nested too deeply", lambda n: json.dumps(card(n))[:-1] + ', "x": ' + "[" * 5000 + "]" * 5000 + "}"),
    ("the line has", lambda n: card(n, note="x" * (1024 * 1024))),
    ("userId: is missing", lambda n: without(card(n), "userId")),
    ("userId: is missing", lambda n: transaction(n, userId=None)),
    ("cardType: is missing", lambda n: without(card(n), "cardType")),
    ("cardType: 'amex' is not allowed; it must be one of visa, mastercard", lambda n: card(n, cardType="amex")),
    ("issuerProvider: is missing", lambda n: without(card(n), "issuerProvider")),
    ("issuerProvider: 'adyen'", lambda n: card(n, issuerProvider="adyen")),
    ("issuerCardId: is missing", lambda n: card(n, issuerCardId="")),
    ("issuerCardId: has 65 characters; at most 64", lambda n: card(n, issuerCardId="x" * 65)),
    ("issuerCardToken: is missing", lambda n: without(card(n), "issuerCardToken")),
    ("kycVerified: is missing", lambda n: without(card(n), "kycVerified")),
    ("kycVerified: 'maybe' is not allowed; it must be true or false", lambda n: card(n, kycVerified="maybe")),
    ("kyc_verified: 1 is not allowed", lambda n: snake(card(n, kycVerified=1))),
    ("expiryMonth: 13 is not allowed; it must be a whole number from 1 to 12", lambda n: card(n, expiryMonth=13)),
    ("expiry_month: 0", lambda n: snake(card(n, expiryMonth=0))),
    ("expiryYear: 1999", lambda n: card(n, expiryYear=1999)),
    ("expiryYear: 2030.5", lambda n: card(n, expiryYear=2030.5)),
    ("lastFour: is not allowed; it must be 4 digits", lambda n: card(n, lastFour="12a4")),
    ("status: 'lost' is not allowed; it must be one of pending, active", lambda n: card(n, status="lost")),
    ("spendingLimits.daily: -1", lambda n: card(n, spendingLimits={"daily": -1})),
    ("spendingLimits: are out of order", lambda n: card(n, spendingLimits={"daily": 400, "perTransaction": 500})),
    ("spendingLimits.monthly: 99.999", lambda n: card(n, spendingLimits={"monthly": 99.999})),
    ("spendingLimits.daily: true", lambda n: card(n, spendingLimits={"daily": True})),
    ("spending_limits: 'high'", lambda n: snake(card(n, spendingLimits="high"))),
    ("balance: -0.01", lambda n: card(n, balance=-0.01)),
    ("balance: 1000000000000", lambda n: card(n, balance=10**12)),
    ("currency: 'DOLLAR'", lambda n: card(n, currency="DOLLAR")),
    ("complianceFlags: 'none'", lambda n: card(n, complianceFlags="none")),
    ("createdAt: 'yesterday'", lambda n: card(n, createdAt="yesterday")),
    ("createdAt: '2024-02-30T00:00:00Z'", lambda n: card(n, createdAt="2024-02-30T00:00:00Z")),
    ("lastSyncedAt: 1700000000 ", lambda n: card(n, lastSyncedAt=1_700_000_000)),
    ("cardId: is missing", lambda n: without(transaction(n), "cardId")),
    ("cardId: 'nobody' is no card", lambda n: transaction(n, cardId="nobody")),
    ("issuerTransactionId: is missing", lambda n: without(transaction(n), "issuerTransactionId")),
    ("issuerEventType: is missing", lambda n: without(transaction(n), "issuerEventType")),
    ("transactionType: 'payout'", lambda n: transaction(n, transactionType="payout")),
    ("processing_status: 'lost'", lambda n: snake(transaction(n, processingStatus="lost"))),
    ("processingStatus: is missing", lambda n: without(transaction(n), "processingStatus")),
    ("merchantInfo.mcc: is not allowed; it must be 4 digits", lambda n: transaction(n, merchantInfo={"mcc": "58"})),
    ("merchantInfo.name: has 201", lambda n: transaction(n, merchantInfo={"name": "x" * 201})),
    ("amount: -5", lambda n: transaction(n, amount=-5)),
    ("amount: 1.005", lambda n: transaction(n, amount=1.005)),
    ("amount: 'free'", lambda n: transaction(n, amount="free")),
    ("amountMinor: 10.5", lambda n: transaction(n, amountMinor=10.5)),
    ("currency: 'XAU'", lambda n: transaction(n, currency="XAU")),
    ("merchantInfo.name: holds a character", lambda n: transaction(n, merchantInfo={"name": "a\u0000b"})),
    ("authorizationCode: an object", lambda n: transaction(n, authorizationCode={"code": "A1"})),
    ("createdAt: an object", lambda n: transaction(n, createdAt={"$date": "soon"})),
    (
        "issuerProvider: is marqeta, but the transaction's card is of stripe",
        lambda n: transaction(n, issuerProvider="marqeta"),
    ),
]


def proof(seed: int, *, documents: int = 10_000, bad: int = 100) -> tuple[list[bytes], dict[int, str]]:
    """Lines of both kinds, in all spellings and any order; bad ones by number, with what must be said of them."""
    chance = random.Random(seed)
    cards = documents * 2 // 5
    good: list[Document] = [_some_card(chance, number) for number in range(1, cards + 1)]
    good += [
        _some_transaction(chance, number, chance.randint(1, cards)) for number in range(cards + 1, documents - bad + 1)
    ]
    lines: list[tuple[Any, str]] = [(chance.choice(SPELLINGS)(document), "") for document in good]
    # Card 1 is in the file, and is Stripe's: what else is wrong with these is on each line.
    lines[0] = (card(1), "")
    for number in range(bad):
        reason, make = BAD[number % len(BAD)]
        lines.append((make(documents + number), reason))
    chance.shuffle(lines)
    named = {place: reason for place, (_line, reason) in enumerate(lines, 1) if reason}
    return [encoded(line) for line, _reason in lines], named


def _some_card(chance: random.Random, number: int) -> Document:
    limits = sorted(chance.randint(1, 9_000) for _ in range(3))
    made = card(
        number,
        userId=oid(0x930002, chance.randint(1, 3_000)),
        cardType=chance.choice(["visa", "mastercard"]),
        issuerProvider=chance.choice(["stripe", "marqeta", "mock"]),
        status=chance.choice(["pending", "active", "frozen", "suspended", "closed"]),
        kycVerified=chance.random() < 0.9,
        balance=chance.randint(0, 100_000) / 100,
        spendingLimits=dict(zip(("perTransaction", "daily", "monthly"), limits, strict=True)),
    )
    return without(made, *chance.sample(["status", "balance", "lastFour", "complianceFlags", "encryptedCvv"], 2)) | {
        "balance": made["balance"]
    }


def _some_transaction(chance: random.Random, number: int, card_number: int) -> Document:
    made = transaction(
        number,
        card_number,
        amount=chance.randint(0, 100_000) / 100,
        transactionType=chance.choice(["authorization", "settlement", "reversal", "chargeback", "refund"]),
        processingStatus=chance.choice(["pending", "approved", "declined", "settled"]),
    )
    return without(made, *chance.sample(["merchantInfo", "authorizationCode", "createdAt", "amount"], 1))
