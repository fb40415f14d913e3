# Negotiation: terms are discussed, nothing is delivered.
#
# Time and count cannot be true before there is an agreement. They are checked for form and left to
# a later point, and only the pairs of this table are.
package trustspace.points

discussing contains "negotiation"

kinds["negotiation"] := {"offer"}

deferred := {
	"catalog": {
		"odrl:dateTime", "edc:inForceDate", "odrl:count", "ts:frequency", "ts:dataRecord", "ts:dataSize",
		"odrl:meteredTime", "odrl:elapsedTime", "odrl:purpose", "odrl:spatial", "ts:destination", "ts:outputForm",
	},
	"negotiation": {
		"odrl:dateTime", "edc:inForceDate", "odrl:count", "ts:frequency", "ts:dataRecord", "ts:dataSize",
		"odrl:meteredTime", "odrl:elapsedTime", "odrl:spatial", "ts:destination", "ts:outputForm",
	},
	"transfer": {
		"odrl:count", "ts:frequency", "ts:dataRecord", "ts:dataSize", "odrl:meteredTime", "odrl:elapsedTime",
		"ts:outputForm",
	},
	"monitor": {
		"odrl:count", "ts:frequency", "ts:dataRecord", "ts:dataSize", "odrl:meteredTime", "odrl:elapsedTime",
		"ts:outputForm",
	},
	"access": set(),
	"evaluation": set(),
}

default postponed(_, _) := false

postponed(point, operand) if operand in deferred[point]

# form(leaf): deferred when the right operand could ever be compared, else unknown.
form(leaf) := "deferred" if {
	right := object.get({"array": leaf.right}, type_name(leaf.right), [leaf.right])
	count(right) > 0
	types := object.get(forms, leaf.left, {"string"})
	count([element | some element in right; fits(element, types)]) == count(right)
}

else := "unknown"

forms := {
	"odrl:dateTime": {"number"},
	"edc:inForceDate": {"number", "relative"},
	"odrl:count": {"number"},
	"ts:frequency": {"number"},
	"ts:dataRecord": {"number"},
	"ts:dataSize": {"number"},
	"odrl:meteredTime": {"number"},
	"odrl:elapsedTime": {"number"},
}

default fits(_, _) := false

fits(element, types) if type_name(element) in types

fits(element, types) if {
	"relative" in types
	is_string(element)
	startswith(element, "contractAgreement")
}
