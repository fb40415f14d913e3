"""Usage policies: ODRL terms and facts in, a decision out.

Import from the modules: ``decision`` (documents), ``engine`` (the port), ``wasm`` (the engine),
``lower`` (ODRL to rules), ``facts`` (asking for a decision), ``explain`` (a decision in words).
"""
