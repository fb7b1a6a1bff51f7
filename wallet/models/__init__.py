"""The wallet's tables: wallets, obligations and charges, cases, and the ledger."""

from wallet.models.carried import CarriedAmount
from wallet.models.cases import Case, CaseNote
from wallet.models.disputes import FundingDispute
from wallet.models.entered import EnteredAmount
from wallet.models.funding import FundingCharge, FundingObligation, FundingRefund
from wallet.models.kyc import KycEvent, KycReview
from wallet.models.ledger import LedgerSum, Posting
from wallet.models.notes import PersonNote
from wallet.models.own_transfers import OwnTransfer
from wallet.models.pauses import ProcessorPause
from wallet.models.processor_accounts import ProcessorAccount, ProcessorFee
from wallet.models.saving import CardDetachment, CardSetup
from wallet.models.wallets import (
    Cardholder,
    CardProduct,
    FundingMethod,
    FundingType,
    Network,
    Preference,
    default_currencies,
    validate_time_zone,
)
from wallet.states import KycStatus

__all__ = [
    "CardDetachment",
    "CardProduct",
    "CardSetup",
    "Cardholder",
    "CarriedAmount",
    "Case",
    "CaseNote",
    "EnteredAmount",
    "FundingCharge",
    "FundingDispute",
    "FundingMethod",
    "FundingObligation",
    "FundingRefund",
    "FundingType",
    "KycEvent",
    "KycReview",
    "KycStatus",
    "LedgerSum",
    "Network",
    "OwnTransfer",
    "PersonNote",
    "Posting",
    "Preference",
    "ProcessorAccount",
    "ProcessorFee",
    "ProcessorPause",
    "default_currencies",
    "validate_time_zone",
]
