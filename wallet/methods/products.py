"""Which card products a person may mean: suggestions for what they type, the best first."""

from django.db.models import Case, Q, QuerySet, Value, When

from wallet.models import CardProduct

BEST, SECOND, THIRD = 0, 1, 2


def suggest(*, network: str = "", search: str = "") -> QuerySet[CardProduct]:
    """Returns products of the network whose name or issuer has every word of the search.

    A name that begins with what was typed comes first, then one with a word that does, then the others, by name.
    """
    found = CardProduct.objects.filter(network=network) if network else CardProduct.objects.all()
    words = search.split()
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(issuer__icontains=word))
    if not words:
        return found.order_by("name", "pk")
    typed = " ".join(words)
    begins = When(name__istartswith=typed, then=Value(BEST))
    has_word = When(name__icontains=f" {typed}", then=Value(SECOND))
    return found.annotate(fit=Case(begins, has_word, default=Value(THIRD))).order_by("fit", "name", "pk")
