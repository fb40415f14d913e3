"""The sources of a module: their revision, and what a site adds to it."""

from __future__ import annotations

import json

import pytest

from trustspace.errors import PolicyError
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.rollout.sources import Sources


def test_core_alone_has_the_shipped_revision():
    assert Sources.core().revision == CompiledPolicy.shipped().revision()


def test_site_adds_its_rules_and_its_data():
    core = Sources.core()
    files = {"a.rego": b"package trustspace.site", "a_test.rego": b"x", "notes.md": b"x"}
    site = core.with_site(files)
    assert site.site == {"site/a.rego": b"package trustspace.site"}
    assert site.revision != core.revision
    with_data = core.with_site(files | {"data.json": b'{"partners": ["b"]}'})
    assert with_data.revision != site.revision
    assert json.loads(with_data.data)["trustspace"] == {
        "meta": {"revision": with_data.revision},
        "own": {"partners": ["b"]},
    }
    assert json.loads(with_data.manifest)["revision"] == with_data.revision


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"a": 1, "a": 2}'])
def test_data_that_is_no_object(data: bytes):
    with pytest.raises(PolicyError, match=r"data\.json") as caught:
        Sources.core().with_site({"data.json": data})
    assert caught.value.code == "module.malformed"
