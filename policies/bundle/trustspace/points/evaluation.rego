# Evaluation: the bare question, outside any exchange, as authors and other test suites ask it.
#
# Policies of every kind, no agreement needed, nothing left to a later point, and a fact that the
# asker gives counts whatever its name.
package trustspace.points

kinds["evaluation"] := {"offer", "agreement", "set"}

supplied(q, name) if {
	q.point == "evaluation"
	q.facts[name]
}
