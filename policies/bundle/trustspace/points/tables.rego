# What Python's vocabulary has to agree with; the build copies it beside the module.
package trustspace.points

import data.trustspace.odrl
import data.trustspace.operands

tables := {
	"known": sort(operands.known),
	"clocks": sort(operands.clocks),
	"deferred": {point: sort(names) | some point, names in deferred},
	"strength": odrl.strength,
}
