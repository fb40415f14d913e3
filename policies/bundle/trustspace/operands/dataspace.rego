# Left operands of dataspaces beyond ODRL.
package trustspace.operands

known contains "edc:inForceDate"

clocks contains "edc:inForceDate"

# A relative date ("contractAgreement+30d") is made absolute when the agreement is lowered.
fact("edc:inForceDate", q, _) := {"status": "ok", "value": q.now}

known contains "ts:destination"

# Region to which a transfer goes.
fact("ts:destination", q, _) := given(q, "ts:destination")
