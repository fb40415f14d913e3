r"""The one error tree: who erred, what was expected and found, what to do next.

::

    TrustspaceError                .hint: what to do next
    ├── ConfigurationError         settings wrong; .setting names it
    ├── MissingDependencyError     an extra is not installed; .hint is the install line
    ├── ProtocolError              never raised itself; .code and .reply for the counterparty
    │   ├── LocalProtocolError     we tried what the protocol forbids
    │   └── RemoteProtocolError    the counterparty did
    ├── PolicyError                .code, .location (JSON pointer) in the policy
    │   ├── PolicyDeniedError      .reasons, .decision
    │   └── UnsupportedTermError   the engine cannot evaluate a term, hence denies
    ├── IdentityError
    │   ├── InvalidTokenError
    │   ├── ExpiredTokenError
    │   └── UntrustedIssuerError
    ├── TransportError             .retryable
    │   ├── ConnectError
    │   ├── DeadlineError
    │   ├── EgressDeniedError      the guard refused the address
    │   └── StatusError            .status, .body, .request_id
    ├── IntegrityError             digest or size differs: .expected, .found
    └── StoreError
        ├── NotFoundError
        └── ConflictError          someone else moved the state

Example::

    try:
        agreement = client.negotiate(address, "rose-prices", purpose="marketing")
    except PolicyDeniedError as error:
        print(error, error.hint, *error.reasons, sep="\n")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TrustspaceError(Exception):
    """Anything that trustspace refuses or fails at.

    Args:
        message: What was expected and what was found, in one sentence.
        hint: What the reader can do next; empty when there is nothing to do.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigurationError(TrustspaceError):
    """A setting is wrong.

    Args:
        message: What is wrong with it.
        setting: Name of the setting as the owner wrote it.
        hint: What to write instead.
    """

    def __init__(self, message: str, *, setting: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.setting = setting


class MissingDependencyError(TrustspaceError):
    """A feature needs an extra that is not installed.

    Args:
        feature: What was asked for, in words.
        extra: Name of the extra that brings it.
    """

    def __init__(self, feature: str, *, extra: str) -> None:
        line = f"pip install 'trustspace[{extra}]'"
        super().__init__(f"{feature} needs the extra {extra!r}, which is not installed", hint=line)
        self.extra = extra


class ProtocolError(TrustspaceError):
    """The Dataspace Protocol was broken; raise one of the two subclasses.

    Args:
        message: What was expected and found.
        code: Stable code for the counterparty, for example ``negotiation.state``.
        hint: What to do next.
    """

    def __init__(self, message: str, *, code: str = "protocol", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code

    @property
    def reply(self) -> tuple[str, tuple[str, ...]]:
        """Code and reasons for the counterparty's error body."""
        return self.code, (str(self),)


class LocalProtocolError(ProtocolError):
    """We tried what the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The counterparty did what the protocol forbids."""


class PolicyError(TrustspaceError):
    """A policy cannot be read, or a decision went against the caller.

    Args:
        message: What was expected and found.
        code: Stable id, for example ``policy.unsupported``.
        location: JSON pointer into the policy; empty when it is the policy as a whole.
        hint: What to write or do instead.
    """

    def __init__(self, message: str, *, code: str, location: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.location = location


class PolicyDeniedError(PolicyError):
    """A decision denied the request.

    Args:
        message: The refusal in one sentence.
        code: Stable id of the first reason.
        reasons: Every reason as an object with ``id``, ``src``, ``left``, ``op``, ``expected``.
        decision: The whole decision document where it is ours to see.
        hint: The smallest change that would pass.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "policy.denied",
        reasons: Sequence[Mapping[str, Any]] = (),
        decision: Any = None,  # noqa: ANN401 - errors lies below policy and cannot name its type
        hint: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.reasons: tuple[Mapping[str, Any], ...] = tuple(reasons)
        self.decision = decision


class UnsupportedTermError(PolicyError):
    """The engine cannot evaluate a term of the policy, hence the policy is refused."""


class IdentityError(TrustspaceError):
    """The sender could not be identified; outside every case looks the same."""


class InvalidTokenError(IdentityError):
    """A token is malformed, forged, replayed or not meant for us."""


class ExpiredTokenError(IdentityError):
    """A token is outside its time."""


class UntrustedIssuerError(IdentityError):
    """The issuer's DID or key is unknown, wrong or not trusted."""


class TransportError(TrustspaceError):
    """The other side could not be reached or did not answer as agreed.

    Args:
        message: What was tried and what happened.
        retryable: Whether the same request may succeed later.
        hint: What to do next.
    """

    def __init__(self, message: str, *, retryable: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class ConnectError(TransportError):
    """No connection, or it broke."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, retryable=True, hint=hint)


class DeadlineError(TransportError):
    """The answer did not come in time."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, retryable=True, hint=hint)


class EgressDeniedError(TransportError):
    """The egress guard refused the address before any byte was sent."""


class StatusError(TransportError):
    """The other side answered with an error status.

    Args:
        message: What was asked and what came back.
        status: HTTP status.
        body: Decoded JSON body, or None.
        request_id: Id under which the other side logged the request, or empty.
        hint: What to do next.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: Any = None,  # noqa: ANN401 - any JSON value
        request_id: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, retryable=status in (408, 429) or status >= 500, hint=hint)
        self.status = status
        self.body = body
        self.request_id = request_id


class IntegrityError(TrustspaceError):
    """Bytes are not what was announced.

    Args:
        message: What was checked.
        expected: Digest or size announced.
        found: Digest or size met.
        hint: What to do next.
    """

    def __init__(self, message: str, *, expected: str, found: str, hint: str = "") -> None:
        super().__init__(f"{message}: expected {expected}, found {found}", hint=hint)
        self.expected = expected
        self.found = found


class StoreError(TrustspaceError):
    """The store cannot serve the request."""


class NotFoundError(StoreError):
    """No such thing, or not the caller's."""


class ConflictError(StoreError):
    """Someone else moved the state, or the id is taken by something different."""
