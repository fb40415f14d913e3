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

# A sequence whose order is not known can be refuted, never confirmed.
combine("andSequence", parts) := "false" if {
	"false" in parts
}

# One whose parts came about in another order.
combine("outOfSequence", _) := "false"

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

# sequenced(levels, leaves): sequences whose facts tell when they came about are conjunctions, or
# false where the order is another one.
default sequenced(_, _) := []

sequenced(levels, _) := levels if count(sequences(levels)) == 0

sequenced(levels, leaves) := [[object.union(node, {"kind": ordering(node, leaves)}) |
	some node in nodes
] |
	some nodes in levels
] if {
	count(sequences(levels)) > 0
}

sequences(levels) := [node.id | some nodes in levels; some node in nodes; node.kind == "andSequence"]

default ordering(_, _) := "andSequence"

ordering(node, _) := node.kind if node.kind != "andSequence"

ordering(node, leaves) := order(times) if {
	node.kind == "andSequence"
	times := [t | some id in node.args; t := leaves[id].fact.at; is_number(t)]
	count(times) == count(node.args)
}

default order(_) := "outOfSequence"

order(times) := "and" if sort(times) == times
