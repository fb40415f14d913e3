"""Which policy engine a connector asks, and how an OPA server gets the rules.

The server fetches them from the management listener over OPA's bundle interface, with a token of
its own that opens nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from trustspace.connector.settings import Settings
    from trustspace.policy.engine import PolicyEngine

BUNDLE_PATH = "/v1/policy/bundle.tar.gz"
"""Where the management listener serves the rules."""


def policy_engine(settings: Settings, stack: AsyncExitStack) -> PolicyEngine:
    """Return the engine that the settings name; it is closed with the stack.

    Raises:
        ConfigurationError: The server's URL or token file cannot be used.
    """
    if settings.policy.engine == "wasm":
        return WasmEngine()
    # Its client brings three HTTP libraries, a fifth of what a connector takes to start.
    from trustspace.policy.opa import OpaEngine  # noqa: PLC0415 - only where it is asked for

    engine = OpaEngine(settings.policy.url, token=_token(settings.policy.token_file))
    stack.callback(engine.close)
    return engine


def bundle_token(token_digest: str) -> str:
    """Return the token that opens the rules and nothing else.

    Args:
        token_digest: Hash of the management token.
    """
    return hmac.new(token_digest.encode(), b"policy bundle", hashlib.sha256).hexdigest()


def _token(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii").strip() if path else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}",
            setting="policy.token_file",
            hint="give the file with the bearer token of the OPA server",
        ) from error
