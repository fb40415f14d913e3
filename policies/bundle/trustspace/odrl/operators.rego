# The twelve operators of ODRL over typed values.
#
# A comparison between different types or units, with nothing, or with an empty right operand is
# unknown, never false. Single values count as sets of one. Order exists between integers only.
package trustspace.odrl

default compare(_, _, _) := "unknown"

compare("odrl:eq", fact, right) := truth(as_set(fact.value) == as_set(right)) if alike(fact.value, right)

compare("odrl:neq", fact, right) := truth(as_set(fact.value) != as_set(right)) if alike(fact.value, right)

compare("odrl:lt", fact, right) := truth(fact.value < right) if ordered(fact.value, right)

compare("odrl:lteq", fact, right) := truth(fact.value <= right) if ordered(fact.value, right)

compare("odrl:gt", fact, right) := truth(fact.value > right) if ordered(fact.value, right)

compare("odrl:gteq", fact, right) := truth(fact.value >= right) if ordered(fact.value, right)

compare("odrl:isAnyOf", fact, right) := truth(meets(fact.value, right)) if alike(fact.value, right)

compare("odrl:isAnyOf", fact, right) := "false" if nothing_against_something(fact.value, right)

compare("odrl:isNoneOf", fact, right) := truth(meets(fact.value, right) == false) if alike(fact.value, right)

compare("odrl:isAllOf", fact, right) := truth(inside(fact.value, right)) if alike(fact.value, right)

compare("odrl:isAllOf", fact, right) := "false" if nothing_against_something(fact.value, right)

# Ancestors and parts are worked out before the question is asked; here it is membership.
compare("odrl:isPartOf", fact, right) := truth(meets(fact.within, right)) if alike(fact.within, right)

compare("odrl:isA", fact, right) := truth(meets(fact.within, right)) if alike(fact.within, right)

compare("odrl:hasPart", fact, right) := truth(inside(right, fact.parts)) if alike(fact.parts, right)

compare("odrl:hasPart", fact, right) := "false" if nothing_against_something(fact.parts, right)

default truth(_) := "unknown"

truth(true) := "true"

truth(false) := "false"

default as_list(_) := []

as_list(value) := value if is_array(value)

as_list(value) := [value] if type_name(value) in scalar_types

default as_set(_) := set()

as_set(value) := {element | some element in as_list(value)}

scalar_types := {"string", "number", "boolean"}

# alike(a, b): both hold something, and everything in them is of one scalar type.
alike(a, b) if {
	left := as_list(a)
	right := as_list(b)
	count(left) > 0
	count(right) > 0
	types := {type_name(element) | some element in array.concat(left, right)}
	count(types) == 1
	some type in types
	type in scalar_types
}

ordered(a, b) if {
	is_number(a)
	is_number(b)
}

# An empty list is knowledge: there is nothing. It is in no set, and it is not "all of" anything.
nothing_against_something(a, b) if {
	a == []
	count(as_list(b)) > 0
}

default meets(_, _) := false

meets(a, b) if {
	some element in as_list(a)
	element in as_set(b)
}

default inside(_, _) := false

inside(a, b) if count([element | some element in as_list(a); element in as_set(b)]) == count(as_list(a))
