"""Modules written by hand that speak OPA's ABI and do one thing wrong."""

from __future__ import annotations

from wasmtime import wat2wasm

from trustspace.policy.bundle import CompiledPolicy

REVISION = "sha256:by-hand"
ENTRYPOINTS = ",".join(
    rf"\"trustspace/v1/{name}\":{number}"
    for number, name in enumerate(("decide", "decide_many", "trace"))
).join("{}")


def compiled(
    evaluation: str,
    *,
    builtins: str = "{}",
    entrypoints: str = ENTRYPOINTS,
    text: str = "[]",
    parsed: int = 1,
    missing: str = "",
    imports: str = "",
) -> CompiledPolicy:
    """Return a policy whose ``opa_eval`` has the given body.

    Args:
        evaluation: Body of ``opa_eval``, leaving an address; ``text`` lies at 1024.
        builtins: What the module asks of the host, JSON.
        entrypoints: Its entry points, JSON.
        text: Text at 1024, NUL behind it.
        parsed: What ``opa_json_parse`` returns; 0 is a failure.
        missing: Name of a function that is not exported.
        imports: Further imports.
    """
    functions = {
        "builtins": "(result i32) i32.const 16",
        "entrypoints": "(result i32) i32.const 512",
        "opa_json_dump": "(param i32) (result i32) local.get 0",
        "opa_malloc": "(param i32) (result i32) i32.const 4096",
        "opa_json_parse": f"(param i32 i32) (result i32) i32.const {parsed}",
        "opa_heap_ptr_get": "(result i32) i32.const 65536",
        "opa_eval": f"(param i32 i32 i32 i32 i32 i32 i32) (result i32) {evaluation}",
    }
    exported = "\n".join(
        f'(func (export "{name}") {body})' for name, body in functions.items() if name != missing
    )
    module = f"""(module
      (import "env" "memory" (memory 2))
      (import "env" "opa_abort" (func $abort (param i32)))
      (import "env" "opa_builtin0" (func $builtin0 (param i32 i32) (result i32)))
      {imports}
      (export "memory" (memory 0))
      (data (i32.const 16) "{builtins}\\00")
      (data (i32.const 512) "{entrypoints}\\00")
      (data (i32.const 1024) "{text}\\00")
      {exported})"""
    return CompiledPolicy.of(bytes(wat2wasm(module)), b"{}", source=REVISION)


ENDLESS = "(loop $again br $again) unreachable"
TRAP = "unreachable"
ABORT = "i32.const 1024 call $abort i32.const 0"
BUILTIN = "i32.const 0 i32.const 0 call $builtin0"
ANSWER = "i32.const 1024"
NO_END = """
    (memory.fill (i32.const 65536) (i32.const 65) (i32.const 65536))
    i32.const 65536"""
