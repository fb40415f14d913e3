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
fact("ts:frequency", q, context) := in_window(given(q, "ts:frequency"), context.rule.counter, context.leaf.unit)

default in_window(_, _, _) := {"status": "missing"}

in_window(given_fact, counter, window) := object.union(counted(given_fact, key), {"unit": window}) if {
	is_string(counter)
	is_string(window)
	key := concat(":", [counter, window])
}
