# Operands that no rule here knows: whoever asks found their value out, or says that it cannot be.
#
# Python asks only with facts of operands that somebody answers for: what the owner attests of a
# counterparty, and what a provider of facts says. Without a fact such an operand has no meaning.
package trustspace.points

import data.trustspace.operands

# supplied(q, name): the fact that came with the question is the one to compare.
default supplied(_, _) := false

supplied(q, name) if {
	not name in operands.known
	q.facts[name]
}

# put_off(q, name): whoever asks leaves it to a later point, as only a discussion may.
default put_off(_, _) := false

put_off(q, name) if {
	q.point in discussing
	q.facts[name].status == "deferred"
}

# What was only promised is true by reference to the agreement, whoever asks wherever.
put_off(q, name) if {
	q.point != "evaluation"
	q.facts[name].status == "promised"
}
