# Left operands of dataspaces beyond ODRL.
package trustspace.operands

known contains "edc:inForceDate"

clocks contains "edc:inForceDate"

# A relative date ("contractAgreement+30d") is made absolute when the agreement is lowered.
fact("edc:inForceDate", q, _) := {"status": "ok", "value": q.now}

known contains "ts:destination"

# Region to which a transfer goes.
fact("ts:destination", q, _) := given(q, "ts:destination")

known contains "ts:frequency"

# The number within the window that is now, including this use; counted per rule and window.
fact("ts:frequency", q, context) := in_window(given(q, "ts:frequency"), context.rule.counter, "", context.leaf.unit)

known contains "ts:dataRecord"

# Rows that left, the next one included; in all, or within the window that is now.
fact("ts:dataRecord", q, context) := amount(given(q, "ts:dataRecord"), "row", context)

known contains "ts:dataSize"

# Bytes that left, the next one included.
fact("ts:dataSize", q, context) := amount(given(q, "ts:dataSize"), "byte", context)

default amount(_, _, _) := {"status": "missing"}

amount(given_fact, what, context) := counted(given_fact, concat(":", [context.rule.counter, what])) if {
	is_string(context.rule.counter)
	context.leaf.unit == null
}

amount(given_fact, what, context) := in_window(given_fact, context.rule.counter, concat("", [what, "/"]), context.leaf.unit) if {
	context.leaf.unit != null
}

# The counter of a window is named after the rule, what is counted, and the window.
default in_window(_, _, _, _) := {"status": "missing"}

in_window(given_fact, counter, what, window) := object.union(counted(given_fact, key), {"unit": window}) if {
	is_string(counter)
	is_string(window)
	key := concat("", [counter, ":", what, window])
}
