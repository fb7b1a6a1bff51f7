"""What staff's pages call our tables and columns, in the field's terms and in the viewer's language.

Django derives names from the code: "funding obligation", "issuer card id". Here tables get the names that the sidebar
has; columns stay as derived and can be translated (onecard/desk/column_names.py). A `verbose_name` at each of them
would be a migration each.
"""

from typing import Any, Final

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

APPS: Final = {
    "alerts": gettext_lazy("Alerts"),
    "audit": gettext_lazy("Audit"),
    "integrations": gettext_lazy("Integrations"),
    "issuing": gettext_lazy("Issuing"),
    "notices": gettext_lazy("Notices"),
    "outbox": gettext_lazy("Outbox"),
    "routing": gettext_lazy("Routing"),
    "users": gettext_lazy("Logins"),
    "wallet": gettext_lazy("Wallet"),
    "desk": gettext_lazy("Desk"),
}
# One row, and several.
TABLES: Final = {
    "alerts.incident": (gettext_lazy("incident"), gettext_lazy("incidents")),
    "audit.entry": (gettext_lazy("entry"), gettext_lazy("audit trail")),
    "integrations.endpoint": (gettext_lazy("webhook endpoint"), gettext_lazy("webhook endpoints")),
    "integrations.delivery": (gettext_lazy("webhook delivery"), gettext_lazy("webhook deliveries")),
    "issuing.virtualcard": (gettext_lazy("virtual card"), gettext_lazy("virtual cards")),
    "issuing.cardchange": (gettext_lazy("card change"), gettext_lazy("card changes")),
    "issuing.issuerevent": (gettext_lazy("event of an issuer"), gettext_lazy("events of issuers")),
    "issuing.authorization": (gettext_lazy("authorization"), gettext_lazy("authorizations")),
    "issuing.decision": (gettext_lazy("decision"), gettext_lazy("decisions")),
    "issuing.spendwindow": (gettext_lazy("spend window"), gettext_lazy("spend windows")),
    "issuing.hold": (gettext_lazy("hold"), gettext_lazy("holds")),
    "issuing.cardfunding": (gettext_lazy("money put on a card"), gettext_lazy("money put on cards")),
    "issuing.control": (gettext_lazy("control"), gettext_lazy("controls")),
    "issuing.controlversion": (gettext_lazy("version of a control"), gettext_lazy("versions of controls")),
    "issuing.controlpass": (gettext_lazy("“it was me”"), gettext_lazy("“it was me”")),
    "issuing.controlpreview": (gettext_lazy("preview of a control"), gettext_lazy("previews of controls")),
    "issuing.controlpreviewhit": (gettext_lazy("hit of a preview"), gettext_lazy("hits of a preview")),
    "issuing.fraudverdict": (gettext_lazy("fraud verdict"), gettext_lazy("fraud verdicts")),
    "issuing.issuercontrol": (gettext_lazy("issuer"), gettext_lazy("issuers")),
    "issuing.rollout": (gettext_lazy("rollout"), gettext_lazy("rollouts")),
    "issuing.cardtransaction": (gettext_lazy("transaction"), gettext_lazy("transactions")),
    "issuing.dispute": (gettext_lazy("dispute"), gettext_lazy("disputes")),
    "issuing.disputerequest": (gettext_lazy("dispute request"), gettext_lazy("dispute requests")),
    "issuing.disputeevidence": (gettext_lazy("document of a dispute"), gettext_lazy("documents of disputes")),
    "issuing.legacydocument": (gettext_lazy("old document"), gettext_lazy("old documents")),
    "issuing.rewardentry": (gettext_lazy("reward entry"), gettext_lazy("reward entries")),
    "issuing.syncrun": (gettext_lazy("sync"), gettext_lazy("syncs")),
    "issuing.syncdifference": (gettext_lazy("difference"), gettext_lazy("differences")),
    "notices.notice": (gettext_lazy("notice"), gettext_lazy("notices")),
    "outbox.message": (gettext_lazy("message"), gettext_lazy("messages")),
    "routing.merchantcategory": (gettext_lazy("merchant category"), gettext_lazy("merchant categories")),
    "routing.rankingdraft": (gettext_lazy("ranking draft"), gettext_lazy("ranking drafts")),
    "issuing.cardstatement": (gettext_lazy("card statement"), gettext_lazy("card statements")),
    "issuing.statementline": (gettext_lazy("statement line"), gettext_lazy("statement lines")),
    "routing.rankingchange": (gettext_lazy("ranking change"), gettext_lazy("ranking changes")),
    "routing.rankingpreview": (gettext_lazy("ranking preview"), gettext_lazy("ranking previews")),
    "routing.previewedpurchase": (gettext_lazy("previewed purchase"), gettext_lazy("previewed purchases")),
    "routing.rankingrow": (gettext_lazy("ranking"), gettext_lazy("rankings")),
    "routing.rewardterms": (gettext_lazy("reward terms"), gettext_lazy("reward terms")),
    "routing.rewardbonus": (gettext_lazy("bonus"), gettext_lazy("bonuses")),
    "routing.rewardcap": (gettext_lazy("cap"), gettext_lazy("caps")),
    "routing.rewardprogramme": (gettext_lazy("reward programme"), gettext_lazy("reward programmes")),
    "routing.rewardcategory": (gettext_lazy("reward category"), gettext_lazy("reward categories")),
    "routing.merchantlist": (gettext_lazy("merchant list"), gettext_lazy("merchant lists")),
    "routing.cataloguechange": (gettext_lazy("change of reward terms"), gettext_lazy("changes of reward terms")),
    "routing.personalrule": (gettext_lazy("personal rule"), gettext_lazy("personal rules")),
    "routing.preferencemultiplier": (gettext_lazy("multiplier"), gettext_lazy("multipliers")),
    "routing.threshold": (gettext_lazy("threshold"), gettext_lazy("thresholds")),
    "routing.methododds": (gettext_lazy("likelihood to pay"), gettext_lazy("likelihoods to pay")),
    "users.user": (gettext_lazy("login"), gettext_lazy("logins")),
    "wallet.processoraccount": (gettext_lazy("processor account"), gettext_lazy("processor accounts")),
    "wallet.processorfee": (gettext_lazy("processor fee"), gettext_lazy("processor fees")),
    "wallet.cardproduct": (gettext_lazy("card product"), gettext_lazy("card products")),
    "wallet.cardholder": (gettext_lazy("wallet"), gettext_lazy("wallets")),
    "wallet.fundingmethod": (gettext_lazy("funding card"), gettext_lazy("funding cards")),
    "wallet.fundingobligation": (gettext_lazy("obligation"), gettext_lazy("obligations")),
    "wallet.fundingcharge": (gettext_lazy("charge"), gettext_lazy("charges")),
    "wallet.fundingrefund": (gettext_lazy("refund"), gettext_lazy("refunds")),
    "wallet.owntransfer": (gettext_lazy("top-up or payout"), gettext_lazy("top-ups and payouts")),
    "wallet.carriedamount": (gettext_lazy("carried amount"), gettext_lazy("carried amounts")),
    "wallet.case": (gettext_lazy("case"), gettext_lazy("cases")),
    "wallet.fundingdispute": (gettext_lazy("dispute of our charge"), gettext_lazy("disputes of our charges")),
    "wallet.enteredamount": (gettext_lazy("entered amount"), gettext_lazy("entered amounts")),
    "wallet.kycreview": (gettext_lazy("identity check"), gettext_lazy("identity checks")),
    "issuing.reconcilerun": (gettext_lazy("reconciliation"), gettext_lazy("reconciliations")),
    "wallet.kycevent": (gettext_lazy("step of an identity check"), gettext_lazy("steps of an identity check")),
    "wallet.posting": (gettext_lazy("posting"), gettext_lazy("postings")),
}


def name_everything() -> None:
    """Gives apps, tables and columns their names. Migrations keep what Django derived."""
    for label, title in APPS.items():
        config: Any = apps.get_app_config(label)
        config.verbose_name = title
        for model in config.get_models():
            options: Any = model._meta
            one, several = TABLES.get(options.label_lower, (options.verbose_name, options.verbose_name_plural))
            options.verbose_name, options.verbose_name_plural = one, several
            for field in (*options.fields, *options.many_to_many):
                if not isinstance(field.verbose_name, Promise):
                    field.verbose_name = gettext_lazy(field.verbose_name)
