# Left operands of Chinese usage control that ODRL has no word for.
package trustspace.operands

known contains "ts:outputForm"

# Form of the result: raw, aggregate, model.
fact("ts:outputForm", q, _) := given(q, "ts:outputForm")
