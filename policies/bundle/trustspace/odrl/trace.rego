# How every rule of a policy came out, for people and other test suites; a decision holds less.
package trustspace.odrl

default trace(_, _) := []

trace(q, p) := array.concat(
	[shown(q, "permission", rule) | some rule in p.permissions],
	array.concat(
		[shown(q, "prohibition", rule) | some rule in p.prohibitions],
		[binding(q, d) | some d in p.obligations],
	),
)

default shown(_, _, _) := {"rule": "", "kind": "permission", "active": false, "values": {}, "duties": []}

shown(q, kind, rule) := {
	"rule": rule.id,
	"kind": kind,
	"active": [verdict.active, concerned(kind, verdict.refined)] == [true, true],
	"values": verdict.values,
	"duties": [stands(q, d) | some d in rule.duties],
} if {
	verdict := assess(q, rule)
}

# A refinement that is unknown takes a permission away and leaves a prohibition in place.
default concerned(_, _) := false

concerned("permission", value) := holds(value)

concerned("prohibition", value) if value != "false"

default binding(_, _) := {"rule": "", "kind": "obligation", "active": true, "values": {}, "duties": []}

binding(q, d) := {
	"rule": d.id,
	"kind": "obligation",
	"active": [unbound(q, d)] == [false],
	"values": bond(q, d).values,
	"duties": [stands(q, d)],
}

default stands(_, _) := {"duty": "", "standing": "unfulfilled", "values": {}, "consequences": []}

stands(q, d) := {
	"duty": d.id,
	"standing": standing(q, d),
	"values": bond(q, d).values,
	"consequences": [{"duty": each.id, "standing": standing(q, each)} | some each in d.consequences],
}
