"""Other rules take force in a running connector: checked, tried, compared, kept; or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.connector.conftest import Start
from tests.connector.deciding import rule_modules
from tests.connector.party import Party, party
from tests.connector.pulling import started
from tests.policy import modules
from tests.policy.rollout import rollout_files

from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.rollout.archive import read_archive

pytestmark = pytest.mark.anyio

SIGNED = '[policy]\nverification_key = "author.pub"\nscope = "garden"\n'
SHIPPED = CompiledPolicy.shipped().revision()


async def status(of: Party) -> dict[str, Any]:
    answer = await of.owner.get("/v1/policy")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def kinds(of: Party) -> list[str]:
    return [event.kind for event in await of.events() if event.kind.startswith("policy.")]


async def test_new_rules_take_force_and_stay(tmp_path: Path, bank: Party, roses: Path):
    rules = rule_modules.module("one", rollout_files.cases())
    async with party(tmp_path / "home", "garden") as garden:
        assert (await status(garden))["revision"] == SHIPPED
        pull = await started(garden, bank, roses, {})
        assert (await pull.get()).status_code == 200
        code, told = await rule_modules.load(garden, rules.archive())
        assert code == 200, told
        assert told["inputs"] > 0  # type: ignore[operator]
        assert (told["changed"], told["revision"]) == (0, rules.revision)
        assert (told["state"], told["cases"], told["refused"]) == ("in_force", 1, None)
        # An open session asks again, and is answered by the new rules.
        assert (await pull.get()).status_code == 200
        rows = await garden.store.read(lambda tx: tx.decisions.last("garden", 1))
        assert rows[0].bundle == rules.revision
        assert await kinds(garden) == ["policy.changed"]
        bundle = await garden.owner.get("/v1/policy/bundle.tar.gz")
        assert read_archive(bundle.content) == dict(rules.files)
        again = {"If-None-Match": bundle.headers["etag"]}
        same = await garden.owner.get("/v1/policy/bundle.tar.gz", headers=again)
        assert same.status_code == 304


async def test_rules_stay_over_a_restart_until_they_are_given_back(tmp_path: Path):
    rules = rule_modules.module()
    async with party(tmp_path / "home", "garden") as garden:
        assert (await rule_modules.load(garden, rules.archive()))[0] == 200
    async with party(tmp_path / "home", "garden") as garden:
        assert (await status(garden))["revision"] == rules.revision
        answer = await garden.owner.delete("/v1/policy")
        assert answer.json()["revision"] == SHIPPED
        assert [*(tmp_path / "home" / "policy").iterdir()] == []
        assert (await status(garden))["module"] is None


async def test_refused_rules_leave_the_old_ones(start: Start):
    garden = await start("garden")
    failing = rule_modules.module("x", rollout_files.cases(expect="deny"))
    for content, code in (
        (failing.archive(), "module.cases"),
        (b"rubbish", "module.truncated"),
        (rule_modules.signed(rule_modules.module(), 1), "module.unverifiable"),
    ):
        answer, told = await rule_modules.load(garden, content)
        assert (answer, told["code"]) == (422, code)
        assert told["hint"]
    shown = await status(garden)
    assert (shown["revision"], shown["module"]) == (SHIPPED, None)
    assert shown["refused"]["code"] == "module.unverifiable"
    assert await kinds(garden) == ["policy.refused"] * 3
    odd = await garden.owner.put("/v1/policy", json={"module": "%"})
    assert odd.status_code == 422


HOSTILE = {
    "loops": (modules.compiled(modules.ENDLESS), "engine.deadline"),
    "eats memory": (
        modules.compiled(
            "(loop (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1)) (then (br 1)))) "
            "i32.const 1024 call $abort i32.const 0",
            text="opa_malloc: failed",
        ),
        "engine.memory",
    ),
    "traps": (modules.compiled(modules.TRAP), "engine.fault"),
    "says nothing": (modules.compiled(modules.ANSWER), "engine.undefined"),
    "wants builtins": (
        modules.compiled(modules.ANSWER, builtins=r"{\"http.send\":0}"),
        "builtins",
    ),
    "wants the clock": (
        modules.compiled(modules.ANSWER, imports='(import "env" "clock" (func))'),
        "clock",
    ),
    "lacks an entry point": (modules.compiled(modules.ANSWER, entrypoints="{}"), "entry point"),
    "other ABI": (modules.compiled(modules.ANSWER, missing="opa_eval"), "opa_eval"),
    "cut off": (CompiledPolicy.of(b"\0asm\1\0\0", b"{}", source=""), "does not load"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_modules_are_refused(garden: Party, name: str):
    odd, words = HOSTILE[name]
    rules = rule_modules.module(name, wasm=odd.module)
    code, told = await rule_modules.load(garden, rules.archive())
    assert (code, told["code"]) == (422, "module.unusable")
    assert words in str(told["detail"])
    assert (await status(garden))["revision"] == SHIPPED


async def test_signed_rules_only_where_a_key_is_set(tmp_path: Path):
    (tmp_path / "home").mkdir()
    key = rule_modules.key_file(tmp_path / "home")
    one, two = rule_modules.module("one"), rule_modules.module("two")
    signed = rule_modules.signed
    async with party(tmp_path / "home", "garden", settings=SIGNED) as garden:
        for content, code in (
            (one.archive(), "module.unsigned"),
            (signed(one, 5, scope="bank"), "module.scope"),
            (signed(one, 5, scope="garden", days=-1), "module.expired"),
        ):
            assert (await rule_modules.load(garden, content))[1]["code"] == code
        assert (await rule_modules.load(garden, signed(one, 5, scope="garden")))[0] == 200
        shown = await status(garden)
        assert (shown["serial"], shown["revision"]) == (5, one.revision)
        assert shown["expires"]
        # Another module under the same serial is as good as an older one; the same one is not.
        for serial in (4, 5):
            content = signed(two, serial, scope="garden")
            assert (await rule_modules.load(garden, content))[1]["code"] == "module.rolled_back"
        assert (await rule_modules.load(garden, signed(one, 5, scope="garden")))[0] == 200
        await garden.owner.delete("/v1/policy")
        content = signed(two, 4, scope="garden")
        assert (await rule_modules.load(garden, content))[1]["code"] == "module.rolled_back"
        key.unlink()
        assert (await rule_modules.load(garden, content))[1]["code"] == "invalid"


async def test_file_of_the_settings_is_taken_when_it_changes(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    file = home / "rules.tar.gz"
    one, two = rule_modules.module("one"), rule_modules.module("two")
    file.write_bytes(one.archive())
    async with party(home, "garden", settings='[policy]\nmodule = "rules.tar.gz"\n') as garden:
        assert (await status(garden))["revision"] == one.revision
        assert (await rule_modules.load(garden, two.archive()))[0] == 200
    async with party(home, "garden") as garden:
        # The file has not changed since, so what was loaded later stays.
        assert (await status(garden))["revision"] == two.revision
    file.write_bytes(b"rubbish")
    async with party(home, "garden") as garden:
        shown = await status(garden)
        assert (shown["revision"], shown["refused"]["code"]) == (two.revision, "module.truncated")
    (next((home / "policy").iterdir())).write_bytes(one.archive())
    with pytest.raises(ConfigurationError, match="another module"):
        async with party(home, "garden"):
            pass
    (next((home / "policy").iterdir())).unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        async with party(home, "garden"):
            pass


async def test_first_file_of_the_settings_must_be_good(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    setting = '[policy]\nmodule = "rules.tar.gz"\n'
    with pytest.raises(ConfigurationError, match=r"rules\.tar\.gz cannot be read"):
        async with party(home, "garden", settings=setting):
            pass
    (home / "rules.tar.gz").write_bytes(b"rubbish")
    with pytest.raises(PolicyError, match="cut off"):
        async with party(home, "garden"):
            pass


async def test_shadow_says_what_would_change(garden: Party, bank: Party, roses: Path):
    await started(garden, bank, roses, {})
    before = await status(garden)
    rules = rule_modules.module("same")
    answer = await garden.owner.post(
        "/v1/policy/shadow", params={"last": 2}, json=rule_modules.body(rules.archive())
    )
    told = answer.json()
    assert (told["inputs"], told["changed"], told["unreadable"]) == (2, 0, 0)
    assert told["revision"] == rules.revision
    odd = rule_modules.module("odd", wasm=modules.compiled(modules.TRAP).module)
    answer = await garden.owner.post(
        "/v1/policy/shadow", params={"language": "zh"}, json=rule_modules.body(odd.archive())
    )
    told = answer.json()
    assert told["faults"] > 0
    assert told["changed"] > 0
    assert (await status(garden)) == before
