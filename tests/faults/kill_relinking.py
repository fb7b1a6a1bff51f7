"""The killed flows of a person who says whose a movement is: joined, moved to another purchase, agreed to by a second.

Nobody sends a person's click again but the person, who looks at the page and finds it done or as it was.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from issuing.billing import unfunded_charge
from issuing.clearing import match_proposals
from issuing.models import Authorization, CardTransaction
from tests.faults import kill_stories as story
from tests.faults.kill_checks import End
from tests.faults.kill_flows import Flow
from tests.faults.kill_holds import HELD
from tests.faults.kill_world import World, turn, work_off
from tests.faults.kills import Death, Say
from tests.support import stripe_events
from tests.support.back_office import superuser
from tests.support.factories import VirtualCardFactory
from tests.support.purchases import transaction_event
from wallet.entered import amounts as entered_amounts
from wallet.models import Case, EnteredAmount

WHY = "The merchant's receipt names the other purchase."
# 45.00 twice, and 7.00 that came back of one: what was given back of the one is paid again, and goes back of the other.
REFUND = End("settled", paid=9000 - 700, spent=9000, charges=3, refunds=2)
# 7.00 more taken, of which 3.00 came back: both move, so 4.00 more is given back of the one, and asked of the other.
CAPTURE = End("settled", paid=9000 + 400, spent=9700, charges=4, refunds=2)


def two_purchases(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each of 45.00, captured and paid; the first is the wrong one."""
    asked = []
    for _ in range(2):
        story.captured(world)
        asked.append(world.kept["asked"])
    world.kept["right"] = Authorization.objects.get(issuer_authorization_id=asked[1]["data"]["object"]["id"]).pk
    return asked[0], asked[1]


def with_a_refund(world: World) -> None:
    wrong, _ = two_purchases(world)
    tell(world, transaction_event(wrong, 700, kind="refund", number=2))
    world.kept["movement"] = CardTransaction.objects.get(transaction_type="refund").pk


def with_a_capture(world: World) -> None:
    wrong, _ = two_purchases(world)
    more = transaction_event(wrong, 700, number=3)
    back = transaction_event(wrong, 300, kind="refund", number=4)
    back["data"]["object"]["authorization"] = more["data"]["object"]["id"]
    tell(world, more, back)
    world.kept["movement"] = CardTransaction.objects.get(issuer_transaction_id=more["data"]["object"]["id"]).pk


def with_a_contradiction(world: World) -> None:
    """The refund came on another card of the same person than that of the purchase that it names."""
    wrong, _ = two_purchases(world)
    told = transaction_event(wrong, 700, kind="refund", number=2)
    other = VirtualCardFactory(cardholder=world.cards["stripe"].cardholder, issuer_provider="stripe")
    told["data"]["object"]["card"] = other.issuer_card_id
    tell(world, told)
    kept = CardTransaction.objects.get(transaction_type="refund")
    assert kept.is_contradicted
    world.kept["movement"] = kept.pk


def with_a_proposal(world: World) -> None:
    """Another person's refund, joined before anybody asked on whose card it came; one person has proposed."""
    with_a_refund(world)
    movement = CardTransaction.objects.filter(pk=world.kept["movement"])
    theirs = VirtualCardFactory(issuer_provider="stripe")
    Authorization.objects.filter(pk=world.kept["right"]).update(card=theirs)
    movement.update(card=theirs, issuer_card_id=theirs.issuer_card_id)
    said = say_right(world, superuser())
    assert said is not None
    world.kept["second"] = superuser()


def tell(world: World, *events: dict[str, Any]) -> None:
    for event in events:
        assert stripe_events.post(event).status_code == 200
    world.kept["told"] = events
    turn()


def say_right(world: World, user: Any = None, *, none: bool = False) -> EnteredAmount | None:
    movement = CardTransaction.objects.get(pk=world.kept["movement"])
    purchase = None if none else Authorization.objects.get(pk=world.kept["right"])
    return match_proposals.say(movement=movement, purchase=purchase, reason=WHY, user=user or world.kept["person"])


def agree(world: World) -> None:
    row = EnteredAmount.objects.get()
    entered_amounts.agree(entered=row, user=world.kept["second"], reason=WHY, shown_minor=row.amount_minor)


def is_said(world: World) -> bool:
    return Authorization.objects.filter(pk=world.kept["right"], card_transactions=world.kept["movement"]).exists()


def is_apart(world: World) -> bool:
    name = CardTransaction.objects.get(pk=world.kept["movement"]).issuer_transaction_id
    return Authorization.objects.filter(issuer_authorization_id=name).exists()


def is_agreed(_world: World) -> bool:
    return EnteredAmount.objects.get().status == "applied"


def clicked(
    end: End,
    begin: Callable[[World], None],
    click: Callable[[World], object] = say_right,
    done: Callable[[World], bool] = is_said,
) -> Flow:
    """A person clicks and the work is done; who finds it undone clicks again, and has paid what nobody was asked for.

    The issuer tells all of it again when it is over.
    """

    def before(world: World) -> None:
        world.kept["person"] = superuser()
        begin(world)

    def act(world: World, _say: Say) -> None:
        click(world)
        work_off()

    def after(world: World, _death: Death) -> None:
        if not done(world):
            click(world)
        for case in Case.objects.filter(kind=Case.Kind.APPROVED_WITHOUT_US, status=Case.Status.OPEN):
            unfunded_charge.charge_chosen(case=case, user=world.kept["person"], reason=WHY)

    def again(world: World) -> None:
        for event in world.kept["told"]:
            assert stripe_events.post(event).status_code == 200

    return Flow(act, end, before, after=after, again=again)


def of_none(world: World) -> None:
    say_right(world, none=True)


_CLICKED: dict[str, Flow] = {
    "a refund moves to another purchase": clicked(REFUND, with_a_refund),
    "a capture moves with the refund that names it": clicked(CAPTURE, with_a_capture),
    "a capture becomes a purchase of its own": clicked(CAPTURE, with_a_capture, of_none, is_apart),
    "a contradicted refund is joined": clicked(replace(REFUND, charges=2, refunds=1), with_a_contradiction),
    "a second person agrees": clicked(REFUND, with_a_proposal, agree, is_agreed),
}
FLOWS = {f"relinking: {name}": flow for name, flow in _CLICKED.items()}
FLOWS |= {
    f"relinking and hold: {name}": replace(_CLICKED[name], policy=HELD)
    for name in ("a refund moves to another purchase", "a capture moves with the refund that names it")
}
