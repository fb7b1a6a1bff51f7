"""The card network's side: virtual cards, what the issuer reported, what we answered, and what is held on limits."""

from issuing.models.authorizations import Authorization, Decision, Hold, SpendWindow
from issuing.models.balance import BalanceUse, CardFunding
from issuing.models.cards import CardChange, IssuerAccount, Provider, VirtualCard
from issuing.models.control import IssuerControl, Rollout
from issuing.models.control_previews import ControlPreview, ControlPreviewHit
from issuing.models.controls import (
    Control,
    ControlBook,
    ControlHit,
    ControlPass,
    ControlVersion,
    VelocityCounter,
    VelocityEntry,
)
from issuing.models.dispute_requests import DisputeEvidence, DisputeRequest
from issuing.models.disputes import Dispute
from issuing.models.fraud import FraudVerdict, HookHour
from issuing.models.history import CardHistory
from issuing.models.hourly import DecisionHour, PurchaseHour
from issuing.models.inbox import EventBody, IssuerEvent
from issuing.models.issuer_balances import IssuerBalance
from issuing.models.journal import JournalEntry
from issuing.models.legacy import LegacyDocument
from issuing.models.people import ProfileUpdate
from issuing.models.reconcile import NotCompared, ReconcileFinding, ReconcileRun
from issuing.models.registration import IssuerRegistration
from issuing.models.rewards import RewardEntry
from issuing.models.statements import CardStatement, StatementLine
from issuing.models.sync import SyncDifference, SyncRun
from issuing.models.transactions import CardTransaction

__all__ = [
    "Authorization",
    "BalanceUse",
    "CardChange",
    "CardFunding",
    "CardHistory",
    "CardStatement",
    "CardTransaction",
    "Control",
    "ControlBook",
    "ControlHit",
    "ControlPass",
    "ControlPreview",
    "ControlPreviewHit",
    "ControlVersion",
    "Decision",
    "DecisionHour",
    "Dispute",
    "DisputeEvidence",
    "DisputeRequest",
    "EventBody",
    "FraudVerdict",
    "Hold",
    "HookHour",
    "IssuerAccount",
    "IssuerBalance",
    "IssuerControl",
    "IssuerEvent",
    "IssuerRegistration",
    "JournalEntry",
    "LegacyDocument",
    "NotCompared",
    "ProfileUpdate",
    "Provider",
    "PurchaseHour",
    "ReconcileFinding",
    "ReconcileRun",
    "RewardEntry",
    "Rollout",
    "SpendWindow",
    "StatementLine",
    "SyncDifference",
    "SyncRun",
    "VelocityCounter",
    "VelocityEntry",
    "VirtualCard",
]
