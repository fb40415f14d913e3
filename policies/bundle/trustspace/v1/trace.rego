# How a request came out, rule by rule. Reads `input` like the decision.
package trustspace.v1

import data.trustspace.odrl

default trace := {}

trace := {
	"v": 1,
	"id": input.id,
	"bundle": revision,
	"rules": [shown | some p in input.policies; some shown in odrl.trace(input, p)],
}
