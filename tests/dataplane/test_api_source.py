"""Which calls of an interface are passed on, and under which one spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dataplane.api_source import ApiSource, one_spelling
from trustspace.dataplane.source import read_source
from trustspace.errors import ConfigurationError, NotFoundError

BASE = "https://scores.example/v1"


@pytest.fixture
def source() -> ApiSource:
    return ApiSource.at(BASE + "/", paths=["/score", "/models/*", "/"], methods=["get", "POST"])


def test_it_is_kept_as_json_and_says_nothing_of_its_address(source: ApiSource) -> None:
    secret = ApiSource.at(BASE, headers={"Authorization": "Bearer s3cret"})
    assert read_source(secret.to_document()) == secret
    assert "s3cret" not in repr(secret)
    assert "example" not in repr(secret)
    assert (source.forms, source.methods) == (("api",), ("GET", "POST"))


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("", "", BASE),
        ("/", "a=1", BASE + "?a=1"),
        ("/score", "lang=en&x=%2F", BASE + "/score?lang=en&x=%2F"),
        ("/models/7", "", BASE + "/models/7"),
        ("/models/", "", BASE + "/models/"),
        ("/models", "", BASE + "/models"),
        ("/models/%E7%8E%AB/a%20b", "", BASE + "/models/%E7%8E%AB/a%20b"),
        ("/%73core", "", BASE + "/score"),
    ],
)
def test_what_is_allowed_goes_on(source: ApiSource, path: str, query: str, target: str) -> None:
    assert source.target(path, query) == target


@pytest.mark.parametrize(
    "path",
    [
        "/admin",
        "/score/",
        "/Score",
        "/modelsx",
        "score",
        "/models/../admin",
        "/models/%2e%2e/admin",
        "/models/.%2e/admin",
        "/models/%252e%252e/admin",
        "/models/..%2fadmin",
        "/models/..%5cadmin",
        "/models/a\\b",
        "/models/..;/admin",
        "/models/x;admin",
        "/models//x",
        "//models/x",
        "/models/./x",
        "/models/%00",
        "/models/%0d%0aX: y",
        "/models/%zz",
        "/models/%",
        "/models/%c0%ae%c0%ae",
        "/models/a?b",
        "/models/a#b",
        "/models/" + "x" * 2000,
    ],
)
def test_what_can_be_read_in_two_ways_is_no_path(source: ApiSource, path: str) -> None:
    with pytest.raises(NotFoundError):
        source.target(path, "")


@pytest.mark.parametrize("query", ["a b", "a#b", "a\r\nb", "x" * 3000, "a\x00"])
def test_a_query_that_cannot_be_passed_on(source: ApiSource, query: str) -> None:
    with pytest.raises(NotFoundError):
        source.target("/score", query)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "ftp://x"},
        {"url": BASE + "?key=1"},
        {"url": "https://u:p@x/"},
        {"methods": ["TRACE"]},
        {"methods": []},
        {"methods": "GET"},
        {"methods": [1]},
        {"paths": ["score"]},
        {"paths": ["/a/../b"]},
        {"paths": ["/a*"]},
        {"paths": [""]},
        {"headers": ["x"]},
        {"headers": {"Host": "x"}},
        {"headers": {"X": "a\r\nb"}},
    ],
)
def test_what_cannot_be_published(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ApiSource.at(**{"url": BASE, **given})


@given(path=st.text(alphabet="/.%2ef5cFE;\\ab", max_size=30))
def test_no_spelling_leaves_the_base(path: str) -> None:
    try:
        clean = one_spelling(path)
    except NotFoundError:
        return
    segments = clean.split("/")
    assert not {".", ".."} & set(segments)
    assert "\\" not in clean
    assert "%" not in clean
    assert "//" not in clean
