"""Opaque tokens, and that secrets are never compared with ``==`` (row J14)."""

import ast
from pathlib import Path

import pytest

import trustspace
from trustspace.identity.opaque_token import (
    matches_opaque_token,
    new_opaque_token,
    opaque_token_hash,
)

SECRET_NAMES = {"token", "secret", "signature", "stored", "digest", "mac", "password", "api_key"}
SOURCES = sorted(
    path
    for package in ("identity", "transport")
    for path in (Path(trustspace.__file__).parent / package).glob("**/*.py")
)


def test_j14_a_token_matches_its_hash_and_nothing_else() -> None:
    token, other = new_opaque_token(), new_opaque_token()
    stored = opaque_token_hash(token)
    assert token != other
    assert len(token) == 43
    assert stored.startswith("sha256:")
    assert token not in stored
    assert matches_opaque_token(token, stored)
    for wrong in (other, "", token + " ", token.swapcase(), stored, "é", "\ud800"):
        assert not matches_opaque_token(wrong, stored)
    assert not matches_opaque_token(token, "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_j14_no_secret_is_compared_with_an_operator(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            for side in (node.left, *node.comparators):
                name = getattr(side, "attr", getattr(side, "id", ""))
                assert name not in SECRET_NAMES, f"{path.name}:{node.lineno} compares {name}"
