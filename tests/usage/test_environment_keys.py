"""The participant's keys in the environment."""

from __future__ import annotations

import base64

import pytest

from trustspace.errors import ConfigurationError
from trustspace.usage.environment_keys import VARIABLE, EnvironmentKeys

ONE, TWO = (base64.b64encode(bytes(range(first, first + 32))).decode() for first in (1, 2))


def test_the_first_wraps_and_all_unwrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, ONE)
    old = EnvironmentKeys()
    wrapped = old.wrap(bytes(32), context=b"")
    new = EnvironmentKeys({VARIABLE: f" {TWO},\n{ONE}"})
    assert new.key_ids == (new.current, old.current)
    assert new.wrap(bytes(32), context=b"").key_id == new.current
    assert new.unwrap(wrapped, context=b"") == bytes(32)
    with pytest.raises(ConfigurationError, match="not there"):
        EnvironmentKeys({VARIABLE: TWO}).unwrap(wrapped, context=b"")


@pytest.mark.parametrize("value", [None, "", "secret", ONE[:-4], ONE + " é", f"{ONE} short"])
def test_what_is_no_key_is_refused_without_being_shown(value: str | None) -> None:
    environment = {} if value is None else {VARIABLE: value}
    with pytest.raises(ConfigurationError) as caught:
        EnvironmentKeys(environment)
    assert caught.value.setting == VARIABLE
    assert ONE[:8] not in str(caught.value)
