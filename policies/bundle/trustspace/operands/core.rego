# Left operands of ODRL: what each is compared with.
#
# An operand is a name in `known` and a clause of `fact` for that literal name, in any file of this
# package. `context` holds the rule and the leaf. A fact has the members of `blank`; those left out
# are as in `blank`. Two clauses that disagree are a conflict, and a conflict denies.
package trustspace.operands

blank := {
	"status": "missing",
	"value": null,
	"unit": null,
	"within": null,
	"parts": null,
	"expires": null,
	"depends": [],
	"at": null,
}

default fact(_, _, _) := {"status": "error"}

# given(q, name): a fact as the asker worked it out, for operands that need nothing else.
given(q, name) := object.get(q.facts, name, blank)

known contains "odrl:dateTime"

fact("odrl:dateTime", q, _) := {"status": "ok", "value": q.now}

known contains "odrl:count"

# The number including this use; counted per rule.
fact("odrl:count", q, context) := counted(given(q, "odrl:count"), context.rule.counter)

known contains "odrl:meteredTime"

# Seconds for which uses ran, the next one included.
fact("odrl:meteredTime", q, context) := amount(given(q, "odrl:meteredTime"), "second", context)

known contains "odrl:elapsedTime"

# Seconds since the first use; it bounds the lease by the end of the fact.
fact("odrl:elapsedTime", q, _) := given(q, "odrl:elapsedTime")

known contains "odrl:purpose"

fact("odrl:purpose", q, _) := given(q, "odrl:purpose")

known contains "odrl:recipient"

fact("odrl:recipient", q, context) := party(q.subject, context.leaf.right)

known contains "odrl:spatial"

fact("odrl:spatial", q, _) := given(q, "odrl:spatial")

default counted(_, _) := {"status": "missing"}

counted(given_fact, counter) := object.union(given_fact, {"value": given_fact.value[counter] + 1}) if {
	is_number(given_fact.value[counter])
}

default party(_, _) := {"status": "missing"}

# A participant goes by the name under which the constraint asks for it, else by its own.
party(subject, right) := {"status": "ok", "value": names[0], "within": array.concat(subject.ids, subject.groups)} if {
	is_string(subject.id)
	wanted := {name | some name in as_names(right)}
	names := array.concat([name | some name in subject.ids; name in wanted], [subject.id])
}

default as_names(_) := []

as_names(right) := right if is_array(right)

as_names(right) := [right] if is_string(right)

# Operands whose truth changes with the clock alone; they bound the lease.
clocks contains "odrl:dateTime"
