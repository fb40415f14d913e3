"""What may happen once: a token's ``jti``, and a management request under its idempotency key.

Example::

    if not tx.tokens.use_once("garden", issuer, jti, expires_at=expiry_plus_leeway, now=now):
        raise InvalidTokenError("the token was used before")
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from trustspace.errors import ConflictError
from trustspace.store import tables
from trustspace.store.rows import EVERY_PARTICIPANT, IdempotencyRow, Sweep
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository, UnitOfWork

_t = tables.tokens
_i = tables.idempotency

_USE = Statement(insert(_t).on_conflict_do_nothing())
_PURGE_TOKENS = delete(_t).where(_t.c.expires_at <= bindparam("p_now"))
_PURGE_TOKENS_OF_ONE = _PURGE_TOKENS.where(_t.c.participant == bindparam("p_participant"))

_ANSWER = select(_i).where(
    _i.c.participant == bindparam("participant"),
    _i.c.key == bindparam("key"),
    _i.c.expires_at > bindparam("now"),
)
_insert_answer = insert(_i)
_REMEMBER = _insert_answer.on_conflict_do_nothing()
_PURGE_ANSWERS = delete(_i).where(_i.c.expires_at <= bindparam("p_now"))
_PURGE_ANSWERS_OF_ONE = _PURGE_ANSWERS.where(_i.c.participant == bindparam("p_participant"))
_FORGET_EXPIRED = _PURGE_ANSWERS_OF_ONE.where(_i.c.key == bindparam("p_key"))


class Tokens(Repository):
    """Token ids that a participant has accepted, until they expire by themselves."""

    def use_once(
        self, participant: str, issuer: str, jti: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        """Accept a token id the first time only.

        Args:
            participant: Whom the token addresses.
            issuer: Who issued it, as verified.
            jti: The token's id.
            expires_at: Until when the token would be accepted, leeway included.
            now: Current time.

        Returns:
            True the first time; False afterwards, and for a token that is over already (its id may
            have been purged).
        """
        if expires_at <= now:
            return False
        values = {
            "participant": participant,
            "issuer": issuer,
            "jti": jti,
            "expires_at": expires_at,
        }
        return bool(self._unit.execute(_USE, values).rowcount)

    def purge(self, participant: Sweep, *, now: datetime) -> int:
        """Forget ids of tokens that are over; tells how many."""
        return _purge(self._unit, participant, now, _PURGE_TOKENS, _PURGE_TOKENS_OF_ONE)


class Idempotency(Repository):
    """Answers given to management requests, by idempotency key."""

    def recall(
        self, participant: str, key: str, request_digest: str, *, now: datetime
    ) -> IdempotencyRow | None:
        """Return the answer given to the same request before, or None.

        Raises:
            ConflictError: The key was used for another request.
        """
        values = {"participant": participant, "key": key, "now": now}
        found = self._unit.execute(_ANSWER, values).mappings().first()
        if found is None:
            return None
        row = IdempotencyRow(**found)
        if row.request_digest != request_digest:
            raise ConflictError(
                f"idempotency key {key!r} was used for another request",
                hint="use a new key for a new request",
            )
        return row

    def remember(self, participant: str, row: IdempotencyRow, *, now: datetime) -> None:
        """Keep the answer to a request.

        Raises:
            ConflictError: The key is taken, or the row belongs to another participant.
        """
        if row.participant != participant:
            raise ConflictError(f"the row belongs to {row.participant!r}, not {participant!r}")
        self._unit.execute(
            _FORGET_EXPIRED, {"p_participant": participant, "p_key": row.key, "p_now": now}
        )
        values = {
            "participant": participant,
            "key": row.key,
            "request_digest": row.request_digest,
            "status": row.status,
            "body": row.body,
            "expires_at": row.expires_at,
        }
        if not self._unit.execute(_REMEMBER, values).rowcount:
            raise ConflictError(f"idempotency key {row.key!r} is taken")

    def purge(self, participant: Sweep, *, now: datetime) -> int:
        """Forget answers whose time is over; tells how many."""
        return _purge(self._unit, participant, now, _PURGE_ANSWERS, _PURGE_ANSWERS_OF_ONE)


def _purge(
    unit: UnitOfWork, participant: Sweep, now: datetime, everyone: Delete, one: Delete
) -> int:
    values: dict[str, Any] = {"p_now": now}
    if participant is EVERY_PARTICIPANT:
        return int(unit.execute(everyone, values).rowcount)
    values["p_participant"] = participant
    return int(unit.execute(one, values).rowcount)
