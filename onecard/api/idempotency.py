"""A POST that is sent twice has one effect: `Idempotency-Key`, kept for 24 hours with its answer.

- The same key with the same body gets the first answer again, with the header `Idempotency-Replayed: true`.
- The same key with another method, path or body is 422. While the first is still running it is 409.
- A request that was refused or failed stored no answer: it may be sent again under its key, with the same body.

`idempotent` commits the key together with what the view changes. `idempotent_outside` is for views whose domain call
asks the issuer or the processor: no transaction may be open then (money-safety T5), so it commits the key first, and
hands the view a `request_id`, which the domain call keeps with its intent. A repeat after a crash brings the same one.
"""

import datetime as dt
import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import user_of
from onecard.api.models import IdempotentRequest
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import transaction, try_lock_name

View = Callable[..., Response]

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEPT_FOR: Final = dt.timedelta(hours=24)
# Longer than any call to an issuer or processor with its own time-outs.
LEASE: Final = dt.timedelta(seconds=60)
LONGEST_KEY: Final = 255
RUNNING: Final = "The first request under this key is still running: ask again in a moment."


class KeyMissingError(OneCardError):
    """A POST came without a key, or with one that cannot be kept."""

    code = "idempotency_key_missing"


class KeyReusedError(OneCardError):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class StillRunningError(OneCardError):
    """The first request under this key has no answer yet."""

    code = "request_still_running"
    retry_after_s = 1


def idempotent(view: View) -> View:
    """Runs a view that only writes to the database at most once for a key, in one transaction with the key.

    Raises KeyMissingError, KeyReusedError, and StillRunningError.
    """

    @functools.wraps(view)
    def run(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key, fingerprint = _key_of(request), _fingerprint(request)
        with transaction():
            _lock(request, key)
            found = _find(request, key, fingerprint)
            if found is not None and found.status_code is not None:
                return _replay(found)
            response = view(self, request, *args, **kwargs)
            _store(found or _begin(request, key, fingerprint), response)
            return response

    run.needs_idempotency_key = True  # type: ignore[attr-defined]
    return run


def idempotent_outside(view: View) -> View:
    """Runs a view that asks another service, at most once at a time for a key; `view(…, request_id=UUID)`.

    Raises KeyMissingError, KeyReusedError, and StillRunningError.
    """
    return _outside(view, keeps_answer=True)


def idempotent_secret(view: View) -> View:
    """As `idempotent_outside`, for an answer that holds a secret: it is stored nowhere, and a repeat asks again.

    The domain call makes it one effect, by the `request_id`.
    """
    return _outside(view, keeps_answer=False)


def _outside(view: View, *, keeps_answer: bool) -> View:
    @functools.wraps(view)
    def run(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = _lease(request, _key_of(request), _fingerprint(request))
        if row.status_code is not None:
            return _replay(row)
        try:
            response = view(self, request, *args, request_id=row.request_id, **kwargs)
        except BaseException:
            # What it has done so far is known to the domain under request_id, so trying again is safe.
            _free(row)
            raise
        if keeps_answer:
            _store(row, response)
        else:
            _free(row)
        return response

    run.needs_idempotency_key = True  # type: ignore[attr-defined]
    return run


def forget_old() -> int:
    """Deletes what is older than 24 hours; returns how many there were."""
    return IdempotentRequest.objects.filter(created_at__lt=clock.now() - KEPT_FOR).delete()[0]


def _lease(request: Request, key: str, fingerprint: str) -> IdempotentRequest:
    """Returns the answered row, or one that nobody else works on until its lease ends."""
    with transaction():
        _lock(request, key)
        row = _find(request, key, fingerprint) or _begin(request, key, fingerprint)
        if row.status_code is not None:
            return row
        now = clock.now()
        is_free = Q(leased_until=None) | Q(leased_until__lte=now)
        taken = IdempotentRequest.objects.filter(is_free, pk=row.pk, status_code=None).update(leased_until=now + LEASE)
        # The first request may have stored its answer since the look above: it holds no lock then.
        row.refresh_from_db()
        if not taken and row.status_code is None:
            raise StillRunningError(RUNNING)
        return row


def _free(row: IdempotentRequest) -> None:
    """Ends the lease, unless it ran out and another request has one."""
    IdempotentRequest.objects.filter(pk=row.pk, leased_until=row.leased_until).update(leased_until=None)


def _lock(request: Request, key: str) -> None:
    if not try_lock_name(f"api-request:{user_of(request).pk}:{key}"):
        raise StillRunningError(RUNNING)


def _find(request: Request, key: str, fingerprint: str) -> IdempotentRequest | None:
    rows = IdempotentRequest.objects.filter(user=user_of(request), key=key)
    rows.filter(created_at__lt=clock.now() - KEPT_FOR).delete()
    found = rows.first()
    if found is not None and found.fingerprint != fingerprint:
        raise KeyReusedError("This key was used for another request: send a new key with a new request.")
    return found


def _begin(request: Request, key: str, fingerprint: str) -> IdempotentRequest:
    row = IdempotentRequest(user=user_of(request), key=key, fingerprint=fingerprint, created_at=clock.now())
    insert_once(row, unique=("user_id", "key"))
    return row


def _store(row: IdempotentRequest, response: Response) -> None:
    changes = {"status_code": response.status_code, "answer": response.data, "leased_until": None}
    IdempotentRequest.objects.filter(pk=row.pk).update(**changes)


def _replay(row: IdempotentRequest) -> Response:
    return Response(row.answer, status=row.status_code, headers={REPLAYED: "true"})


def _key_of(request: Request) -> str:
    key = str(request.headers.get(HEADER, ""))
    if not re.fullmatch(r"[!-~]+", key) or len(key) > LONGEST_KEY:
        raise KeyMissingError(f"Send a header {HEADER} with a new UUID: repeating it repeats nothing.")
    return key


def _fingerprint(request: Request) -> str:
    parts = (str(request.method).encode(), request.path.encode(), _content(request))
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _content(request: Request) -> bytes:
    """The body; of a form with files what it holds, since a repeat of it draws another boundary."""
    if not str(request.content_type).startswith("multipart/"):
        return request.body
    values = [f"{name}={sent!r}" for name, sent in sorted(request.POST.lists())]
    files = [f"{name}={hashlib.sha256(_read(file)).hexdigest()}" for name, file in sorted(request.FILES.items())]
    return "\n".join((*values, *files)).encode()


def _read(file: Any) -> bytes:
    content: bytes = file.read()
    file.seek(0)
    return content
