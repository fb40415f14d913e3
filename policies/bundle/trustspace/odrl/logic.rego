# Three-valued logic with a fourth mark.
#
# A constraint is true, false or unknown (strong Kleene logic); "deferred" marks a constraint whose
# truth is left to a later point. Unknown outweighs deferred, so that nothing genuinely unknown is
# let through by something postponed. Levels replace recursion, which Rego does not have.
package trustspace.odrl

# values(levels, leaves): the values of leaves and of all nodes, by id.
values(levels, leaves) := level(levels, 3, level(levels, 2, level(levels, 1, level(levels, 0, leaves))))

default level(_, _, _) := {}

level(levels, depth, below) := object.union(below, {node.id: combine(node.kind, arguments(node, below)) |
	some node in nodes_at(levels, depth)
})

default nodes_at(_, _) := []

nodes_at(levels, depth) := [node | some i, nodes in levels; i == depth; some node in nodes]

default arguments(_, _) := []

arguments(node, below) := [object.get(below, id, "unknown") | some id in node.args]

# combine(kind, values): one logical constraint.
default combine(_, _) := "unknown"

combine("and", parts) := conjunction(parts) if count(parts) > 0

combine("or", parts) := disjunction(parts)

combine("xone", parts) := exactly_one(parts)

# No fact carries the order of events yet: a sequence can be refuted, never confirmed.
combine("andSequence", parts) := "false" if {
	"false" in parts
}

# The empty conjunction is true: a rule without constraints. An empty node never comes here.
conjunction(parts) := "false" if {
	"false" in parts
}

else := "unknown" if {
	"unknown" in parts
}

else := "deferred" if {
	"deferred" in parts
}

else := "true" if {
	all_are(parts, "true")
}

else := "unknown"

disjunction(parts) := "true" if {
	"true" in parts
}

else := "unknown" if {
	"unknown" in parts
}

else := "deferred" if {
	"deferred" in parts
}

else := "false" if {
	count(parts) > 0
	all_are(parts, "false")
}

else := "unknown"

exactly_one(parts) := "unknown" if {
	"unknown" in parts
}

else := "deferred" if {
	"deferred" in parts
}

else := "true" if {
	count([part | some part in parts; part == "true"]) == 1
}

else := "false" if {
	count(parts) > 0
}

else := "unknown"

default all_are(_, _) := false

all_are(parts, value) if count([part | some part in parts; part == value]) == count(parts)

default holds(_) := false

holds("true") := true

holds("deferred") := true
