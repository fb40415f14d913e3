"""What the protocol's profile has no place for is named by its place."""

from tests.policy.offers import PURPOSE, SPATIAL, UNTIL, offer

from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES
from trustspace.policy.constraint import pointer_part
from trustspace.policy.profile import beyond_profile


def test_the_profile_has_constraints_prohibitions_and_obligations():
    plain = offer(
        UNTIL,
        {"or": [PURPOSE, {"and": [SPATIAL]}]},
        prohibition=[{"action": "sell"}],
        obligation=[{"action": "delete"}],
    )
    assert beyond_profile(plain) == ()


def test_what_is_beyond_it():
    paid = {"leftOperand": "payAmount", "operator": "eq", "rightOperand": "5", "odrl:unit": "CNY"}
    inform = [{"action": "inform"}]
    found = beyond_profile(
        offer(
            permission=[
                {
                    "action": "use",
                    "constraint": [{"or": [PURPOSE, paid]}],
                    ACTION_REFINEMENT: [SPATIAL],
                    ASSETS: {"odrl:source": "urn:c"},
                    PARTIES: {"odrl:source": "urn:c"},
                    "duty": inform,
                }
            ],
            prohibition=[{"action": "sell", "odrl:remedy": inform}],
            obligation=[{"action": "delete", "odrl:consequence": inform}],
        )
    )
    assert found == (
        f"/permission/0/{pointer_part(ACTION_REFINEMENT)}",
        f"/permission/0/{pointer_part(ASSETS)}",
        f"/permission/0/{pointer_part(PARTIES)}",
        "/permission/0/duty",
        "/permission/0/constraint/0/or/1/odrl:unit",
        "/prohibition/0/odrl:remedy",
        "/obligation/0/odrl:consequence",
    )
