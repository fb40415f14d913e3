"""What is wrong with a policy or its rules although an engine takes them.

`policy` looks at ODRL, `modules` at parsed Rego; both return findings, whose words stand in
``rules.toml``.
"""
