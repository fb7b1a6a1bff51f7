"""The catalogue's rows as the types of routing/value/terms.py, and back; nothing is lost in either direction."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from routing.catalogue.entries import entry_of
from routing.models import Kind, MerchantList, RewardBonus, RewardCap, RewardCategory, RewardProgramme, RewardTerms
from routing.models.catalogue import Sourced
from routing.value.terms import Bonus, Cap, Catalogue, Category, Channel, Period, Product, Programme, Scope, Source
from wallet.models import CardProduct


def read() -> Catalogue:
    """Returns the published catalogue. Six queries."""
    caps, bonuses = _by_terms(RewardCap.objects.order_by("id")), _by_terms(RewardBonus.objects.order_by("id"))
    terms = RewardTerms.objects.select_related("product", "programme").order_by("id")
    products = [_product(each, caps.get(each.pk, ()), bonuses.get(each.pk, ())) for each in terms]
    tags = RewardCategory.objects.order_by("id")
    return Catalogue(
        products={each.key: each for each in products},
        programmes={each.key: _programme(each) for each in RewardProgramme.objects.order_by("id")},
        categories={each.tag: _category(each) for each in tags},
        merchant_lists={each.key: tuple(each.merchants) for each in MerchantList.objects.order_by("id")},
        as_of=max((each.source.verified_on for each in products if each.source.verified_on), default=None),
    )


def write(kind: str, key: str, value: Any) -> None:
    """Writes an entry into its rows; rows that say the same already stay as they are, with their versions."""
    match Kind(kind):
        case Kind.PROGRAMME:
            _put(RewardProgramme, {"key": key}, _programme_columns(value))
        case Kind.CATEGORY:
            _put(RewardCategory, {"tag": key}, _category_columns(value))
        case Kind.MERCHANT_LIST:
            _put(MerchantList, {"key": key}, {"merchants": list(value)})
        case Kind.PRODUCT:
            _write_product(key, value)


def add(catalogue: Catalogue, keys: Collection[tuple[str, str]]) -> None:
    """Adds the rows of entries that have none yet, with a few statements for all of them."""
    new = {kind: [key for of, key in keys if of == kind] for kind in Kind.values}
    RewardProgramme.objects.bulk_create(
        RewardProgramme(key=key, **_programme_columns(catalogue.programmes[key])) for key in new[Kind.PROGRAMME]
    )
    RewardCategory.objects.bulk_create(
        RewardCategory(tag=key, **_category_columns(catalogue.categories[key])) for key in new[Kind.CATEGORY]
    )
    MerchantList.objects.bulk_create(
        MerchantList(key=key, merchants=list(catalogue.merchant_lists[key])) for key in new[Kind.MERCHANT_LIST]
    )
    _add_products([catalogue.products[key] for key in new[Kind.PRODUCT]])


def _add_products(found: Sequence[Product]) -> None:
    CardProduct.objects.bulk_create(
        (CardProduct(key=each.key, **_product_columns(each)) for each in found), ignore_conflicts=True
    )
    products = dict(CardProduct.objects.filter(key__in=[each.key for each in found]).values_list("key", "pk"))
    programmes = dict(RewardProgramme.objects.values_list("key", "pk"))
    made = RewardTerms.objects.bulk_create(
        RewardTerms(product_id=products[each.key], programme_id=programmes[each.programme], **_terms_columns(each))
        for each in found
    )
    pairs = list(zip(made, found, strict=True))
    RewardCap.objects.bulk_create(
        RewardCap(terms=terms, key=cap.key, **_cap_columns(cap)) for terms, each in pairs for cap in each.caps
    )
    RewardBonus.objects.bulk_create(
        RewardBonus(terms=terms, key=bonus.key, **_bonus_columns(bonus))
        for terms, each in pairs
        for bonus in each.bonuses
    )


def remove(kind: str, key: str) -> None:
    """Removes an entry's rows. A card product stays in the list of products, and only its terms go."""
    rows = {
        Kind.PROGRAMME: RewardProgramme.objects.filter(key=key),
        Kind.CATEGORY: RewardCategory.objects.filter(tag=key),
        Kind.MERCHANT_LIST: MerchantList.objects.filter(key=key),
        Kind.PRODUCT: RewardTerms.objects.filter(product__key=key),
    }
    rows[Kind(kind)].delete()


def _product(terms: RewardTerms, caps: Iterable[RewardCap], bonuses: Iterable[RewardBonus]) -> Product:
    return Product(
        key=terms.product.key,
        name=terms.product.name,
        issuer=terms.product.issuer,
        network=terms.product.network,
        reward_type=terms.reward_type,
        programme=terms.programme.key,
        base_rate=terms.base_rate.normalize(),
        segment=terms.segment,
        annual_fee_minor=terms.product.annual_fee_minor,
        foreign_fee_percent=terms.foreign_fee_percent.normalize(),
        caps=tuple(_cap(each) for each in caps),
        bonuses=tuple(_bonus(each) for each in bonuses),
        exclusions=msgspec.convert(terms.exclusions, tuple[Scope, ...]),
        valid_from=terms.valid_from,
        valid_to=terms.valid_to,
        notes=terms.notes,
        confidence=terms.confidence,
        source=_source(terms),
    )


def _category(row: RewardCategory) -> Category:
    return Category(row.tag, row.label, tuple(_range(code) for code in row.codes), Channel(row.channel))


def _programme(row: RewardProgramme) -> Programme:
    return Programme(row.key, row.cents_per_point.normalize(), row.cash_out_cents.normalize(), _source(row))


def _source(row: Sourced) -> Source:
    return Source(row.pk, row.version, row.source_url, row.verified_at)


def _cap(row: RewardCap) -> Cap:
    after = None if row.rate_after is None else row.rate_after.normalize()
    return Cap(row.key, row.limit_minor, Period(row.period), after, _source(row))


def _bonus(row: RewardBonus) -> Bonus:
    return Bonus(
        key=row.key,
        rate=row.rate.normalize(),
        scopes=msgspec.convert(row.scopes, tuple[Scope, ...]),
        cap=row.cap or None,
        domestic_only=row.domestic_only,
        channel=Channel(row.channel),
        activation_required=row.activation_required,
        activation_retroactive=row.activation_retroactive,
        choice_pick=row.choice_pick,
        choice_options=tuple(row.choice_options),
        top_categories=tuple(row.top_categories),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        source=_source(row),
    )


def _write_product(key: str, value: Product) -> None:
    """Writes the product, its terms, its caps and its bonuses."""
    product = _put(CardProduct, {"key": key}, _product_columns(value))
    programme = RewardProgramme.objects.get(key=value.programme)
    terms = _put(RewardTerms, {"product_id": product.pk}, {"programme_id": programme.pk} | _terms_columns(value))
    terms.caps.exclude(key__in=[each.key for each in value.caps]).delete()
    terms.bonuses.exclude(key__in=[each.key for each in value.bonuses]).delete()
    for cap in value.caps:
        _put(RewardCap, {"terms_id": terms.pk, "key": cap.key}, _cap_columns(cap))
    for bonus in value.bonuses:
        _put(RewardBonus, {"terms_id": terms.pk, "key": bonus.key}, _bonus_columns(bonus))


def _programme_columns(value: Programme) -> dict[str, Any]:
    cents = {"cents_per_point": value.cents_per_point, "cash_out_cents": value.cash_out_cents}
    return cents | _sourced(value.source)


def _category_columns(value: Category) -> dict[str, Any]:
    codes = [low if low == high else f"{low}-{high}" for low, high in value.mcc_ranges]
    return {"label": value.label, "codes": codes, "channel": value.channel.value}


def _product_columns(value: Product) -> dict[str, Any]:
    return {name: getattr(value, name) for name in ("name", "issuer", "network", "annual_fee_minor")}


def _terms_columns(value: Product) -> dict[str, Any]:
    same = (
        "reward_type", "base_rate", "segment", "foreign_fee_percent", "valid_from", "valid_to", "notes", "confidence",
    )  # fmt: skip
    said = {name: getattr(value, name) for name in same}
    return said | {"exclusions": entry_of(value.exclusions)} | _sourced(value.source)


def _cap_columns(cap: Cap) -> dict[str, Any]:
    limits = {"limit_minor": cap.limit_minor, "period": cap.period.value, "rate_after": cap.rate_after}
    return limits | _sourced(cap.source)


def _bonus_columns(bonus: Bonus) -> dict[str, Any]:
    same = (
        "rate", "domestic_only", "activation_required", "activation_retroactive", "choice_pick", "valid_from",
        "valid_to",
    )  # fmt: skip
    return {
        **{name: getattr(bonus, name) for name in same},
        "cap": bonus.cap or "",
        "channel": bonus.channel.value,
        "scopes": entry_of(bonus.scopes),
        "choice_options": list(bonus.choice_options),
        "top_categories": list(bonus.top_categories),
        **_sourced(bonus.source),
    }


def _sourced(source: Source) -> dict[str, Any]:
    return {"source_url": source.url, "verified_at": source.verified_on}


def _put(model: Any, key: dict[str, Any], values: dict[str, Any]) -> Any:
    """Adds the row or changes it; one that has these values already is not touched, so its version stays."""
    row = model.objects.filter(**key).first()
    if row is None:
        return model.objects.create(**key, **values)
    if any(getattr(row, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    return row


def _range(code: str) -> tuple[str, str]:
    low, _, high = code.partition("-")
    return low, high or low


def _by_terms(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.terms_id, []).append(row)
    return found
