# The operator's own rules: they may deny, narrow rows and strengthen masks, never grant.
#
# Each is a name and a clause for that literal name, in files of this package:
#
#     conditions contains "acme:no-groups"
#     holds("acme:no-groups", q) if count(q.subject.groups) == 0
#
# A condition that is not true, a filter that is no object and a list of masks that is no array
# deny, so that a rule that stumbles never opens anything.
package trustspace.site

import data.trustspace.odrl

# Sets that other files of this package add to.
conditions contains name if some name in []

filters contains name if some name in []

masks contains name if some name in []

default holds(_, _) := false

default filter(_, _) := null

default mask(_, _) := null

# objections(q): the names of the rules that deny.
objections(q) := [odrl.reason("site.denied", {"at": name}) | some name in sort(denying(q))]

default denying(_) := {"site"}

denying(q) := {name |
	some kind, names in {"holds": conditions, "filter": filters, "mask": masks}
	some name in names
	not sound(kind, name, q)
}

default sound(_, _, _) := false

sound("holds", name, q) if holds(name, q) == true

sound("filter", name, q) if is_object(filter(name, q))

sound("mask", name, q) if is_array(mask(name, q))

narrowing(q) := [filter(name, q) | some name in sort(filters)]

masking(q) := [m | some name in sort(masks); some m in odrl.as_list(mask(name, q))]
