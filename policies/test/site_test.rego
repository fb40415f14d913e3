# The operator's hooks: conditions deny, filters narrow, masks strengthen.
package trustspace.site_test

import data.trustspace.cases_test
import data.trustspace.odrl
import data.trustspace.site
import data.trustspace.v1

filter := {"op": "eq", "field": "region", "value": {"type": "string", "value": "CN"}}

mask := {"column": "phone", "method": "drop", "params": {}}

plain := cases_test.request({"policies": [{"permissions": [{
	"id": "p1",
	"filters": [{"op": "is_null", "field": "x", "value": null}],
	"masks": [{"column": "phone", "method": "hash", "params": {}}],
}]}]})

test_nothing_configured if {
	site.objections(plain) == []
	site.narrowing(plain) == []
	site.masking(plain) == []
	site.holds("x", plain) == false
	site.filter("x", plain) == null
	site.mask("x", plain) == null
}

test_condition_holds if {
	got := v1.decision(plain) with data.trustspace.site.conditions as {"acme:a"}
		with data.trustspace.site.holds as true
	got.allow
}

test_condition_denies if {
	got := v1.decision(plain) with data.trustspace.site.conditions as {"acme:a", "acme:b"}
	got.allow == false
	got.reasons == [odrl.reason("site.denied", {"at": "acme:a"}), odrl.reason("site.denied", {"at": "acme:b"})]
}

test_condition_that_is_not_true_denies if {
	got := v1.decision(plain) with data.trustspace.site.conditions as {"acme:a"}
		with data.trustspace.site.holds as "yes"
	got.allow == false
}

test_filter_narrows if {
	got := v1.decision(plain) with data.trustspace.site.filters as {"acme:a"}
		with data.trustspace.site.filter as filter
	got.allow
	got.filters == [{"op": "is_null", "field": "x", "value": null}, filter]
}

test_filter_that_stumbles_denies if {
	got := v1.decision(plain) with data.trustspace.site.filters as {"acme:a"}
	got.reasons == [odrl.reason("site.denied", {"at": "acme:a"})]
}

test_mask_strengthens if {
	got := v1.decision(plain) with data.trustspace.site.masks as {"acme:a"}
		with data.trustspace.site.mask as [mask]
	got.masks == [mask]
}

test_mask_that_stumbles_denies if {
	got := v1.decision(plain) with data.trustspace.site.masks as {"acme:a"}
	got.reasons == [odrl.reason("site.denied", {"at": "acme:a"})]
}
