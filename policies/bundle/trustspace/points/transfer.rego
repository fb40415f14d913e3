# Transfer: a delivery is arranged under an agreement.
package trustspace.points

import data.trustspace.odrl

kinds["transfer"] := {"agreement"}

under_agreement contains "transfer"

# objections(q): what speaks against asking at this point at all.
objections(q) := array.concat(
	[r | some p in q.policies; not fitting(q.point, p.kind); r := odrl.reason("policy.kind", {"actual": p.kind})],
	[r | q.point in under_agreement; some r in agreement_objections(q)],
)

default fitting(_, _) := false

fitting(point, kind) if kind in kinds[point]

default agreement_objections(_) := [{"id": "agreement.missing"}]

agreement_objections(q) := [odrl.reason("agreement.missing", {})] if q.agreement == null

agreement_objections(q) := [r |
	some check in [
		{"ok": a.state == "FINALIZED", "id": "agreement.not_active", "expected": "FINALIZED", "actual": a.state},
		{"ok": running(a.expires, q.now), "id": "agreement.expired", "expected": a.expires, "actual": q.now},
		{"ok": a.assignee in q.subject.ids, "id": "agreement.party", "expected": a.assignee, "actual": q.subject.id},
		{"ok": a.target in q.resource.ids, "id": "agreement.target", "expected": a.target, "actual": q.resource.id},
		{"ok": signed(q), "id": "agreement.digest", "expected": a.digest, "actual": null},
	]
	check.ok != true
	r := odrl.reason(check.id, {"expected": check.expected, "actual": check.actual})
] if {
	a := q.agreement
	a != null
}

default running(_, _) := false

running(null, _) := true

running(end, now) if end > now

default signed(_) := false

signed(q) if {
	count(q.policies) > 0
	count([p | some p in q.policies; p.digest == q.agreement.digest]) == count(q.policies)
}
