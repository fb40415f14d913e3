# The answer: what an allow lets out and brings with it, and what a denial says.
package trustspace.odrl

import data.trustspace.points
import data.trustspace.site

denial(reasons) := {
	"allow": false,
	"effect": "deny",
	"rules": [],
	"reasons": reasons,
	"obligations": [],
	"filters": [],
	"columns": null,
	"masks": [],
	"limits": [],
	"depends": [],
	"deferred": [],
	"ttl": 0,
}

# allowance(q, granted, owed, active): `granted` are the permissions that grant, `owed` the policy's
# obligations, `active` every rule that concerns the request.
allowance(q, granted, owed, active) := {
	"allow": true,
	"effect": effect(obligations),
	"rules": [p.id | some p in granted],
	"reasons": [],
	"obligations": obligations,
	"filters": array.concat(merged_filters(granted), site.narrowing(q)),
	"columns": merged_columns(granted),
	"masks": merged_masks(array.concat(
		[m | some p in granted; some m in p.rule.masks],
		site.masking(q),
	)),
	"limits": [limit | some p in granted; some limit in p.rule.limits],
	"depends": sort({d | some d in array.concat(
		array.concat(
			[d | some p in granted; some d in p.rule.depends],
			[d | some r in active; some d in r.depends],
		),
		array.concat(agreement_of(q.agreement), [d |
			horizon < never
			d := concat("", ["now<", decimal(horizon)])
		]),
	)}),
	"deferred": [d | some p in granted; some d in p.deferred],
	"ttl": min([points.longest_lease, horizon - q.now]),
} if {
	obligations := array.concat([o | some p in granted; some o in p.obligations], owed)
	moments := array.concat(ends(q.agreement), [t | some r in active; some t in r.moments])
	horizon := min(array.concat([never], [t | some t in moments; t > q.now]))
}

# A whole number that is not negative in decimal digits. The compiled format_int takes 31 bits only,
# and there is no division: of what is larger, the digits above the ninth are found one by one.
default decimal(_) := ""

decimal(n) := format_int(n, 10) if n <= 2147483647

decimal(n) := concat("", [format_int(high, 10), substring(format_int(1000000000 + low, 10), 1, 9)]) if {
	n > 2147483647
	a := digit(n, 1000000000000000)
	b := digit(n - (a * 1000000000000000), 100000000000000)
	ab := (a * 10) + b
	c := digit(n - (ab * 100000000000000), 10000000000000)
	abc := (ab * 10) + c
	d := digit(n - (abc * 10000000000000), 1000000000000)
	abcd := (abc * 10) + d
	e := digit(n - (abcd * 1000000000000), 100000000000)
	abcde := (abcd * 10) + e
	f := digit(n - (abcde * 100000000000), 10000000000)
	abcdef := (abcde * 10) + f
	high := (abcdef * 10) + digit(n - (abcdef * 10000000000), 1000000000)
	low := n - (high * 1000000000)
}

default digit(_, _) := 0

digit(n, unit) := max({d | some d in numbers.range(0, 9); d * unit <= n})

# Later than any moment that matters.
never := 9007199254740991

default effect(_) := "allow"

effect(obligations) := "conditional" if {
	some o in obligations
	o.when == "before"
}

default agreement_of(_) := []

agreement_of(agreement) := [concat(":", ["agreement", agreement.id])]

default ends(_) := []

ends(agreement) := [agreement.expires] if is_number(agreement.expires)

# AND within a permission, OR between permissions; one without a filter lets all rows through.
merged_filters(granted) := [] if {
	some p in granted
	count(p.rule.filters) == 0
}

else := granted[0].rule.filters if {
	count(granted) == 1
}

else := [{"op": "or", "args": [joined(p.rule.filters) | some p in granted]}]

default joined(_) := null

joined(filters) := filters[0] if count(filters) == 1

joined(filters) := {"op": "and", "args": filters} if count(filters) > 1

# Only columns that every granting permission lets out, like masks: the strictest stands.
default merged_columns(_) := []

merged_columns(granted) := null if count(column_lists(granted)) == 0

merged_columns(granted) := sort(intersection(column_lists(granted))) if count(column_lists(granted)) > 0

column_lists(granted) := {columns |
	some p in granted
	p.rule.columns != null
	columns := {column | some column in p.rule.columns}
}

# The strongest mask of every column; equally strong ones that differ become null.
merged_masks(masks) := [strongest([m | some m in masks; m.column == column]) |
	some column in sort({m.column | some m in masks})
]

# The last four leave a part each, and none of them hides what another does.
strength := {
	"drop": 6,
	"null": 5,
	"constant": 4,
	"hash": 3,
	"tokenise": 2,
	"redact_pii": 1,
	"partial": 1,
	"date_floor": 1,
	"round": 1,
}

default strongest(_) := null

strongest(masks) := best[0] if {
	best := strongest_of(masks)
	count({m | some m in best}) == 1
}

strongest(masks) := {"column": best[0].column, "method": hiding(best[0].method), "params": {}} if {
	best := strongest_of(masks)
	count({m | some m in best}) > 1
}

default strongest_of(_) := []

strongest_of(masks) := [m | some m in masks; strength[m.method] == top] if {
	top := max([strength[m.method] | some m in masks])
	count([m | some m in masks; not strength[m.method]]) == 0
}

default hiding(_) := "null"

hiding("drop") := "drop"
