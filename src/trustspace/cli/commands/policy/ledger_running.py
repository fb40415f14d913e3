"""What ``policy ledger`` does; apart from it, because what it needs takes long to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from trustspace.cli.commands.policy.running import read_json
from trustspace.errors import PolicyError
from trustspace.model.odrl import Offer
from trustspace.policy.ledger import Delivering, Term, ledger, promises, require, words
from trustspace.policy.lower import lower
from trustspace.policy.lowering import lower_document
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.terms import read_terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trustspace.cli.output import Output
    from trustspace.policy.messages import Language
    from trustspace.policy.rule import PolicyIR


def show(
    file: Path,
    form: Literal["file", "table", "api"] | None,
    accepted: Sequence[str],
    language: Language,
    output: Output,
) -> None:
    """Show the ledger of a policy in a file, and what publishing says of it.

    Raises:
        PolicyError: It is not understood.
    """
    document = read_json(file, "FILE")
    rules, refusal = _rules(document)
    how = Delivering() if form is None else Delivering(forms=(form,))
    terms = ledger(rules, delivering=how)
    if refusal is None:
        refusal = _refused(terms, accepted)
    if output.json:
        output.document(
            {
                "terms": [one.to_document() | {"words": words(one, language)} for one in terms],
                "promises": [one.term for one in promises(terms, accepted)],
                "refused": refusal,
            }
        )
        return
    output.table(
        ("pointer", "term", "provider", "consumer", "why"),
        [
            (one.pointer, one.term, one.provider, one.consumer, words(one, language))
            for one in terms
        ],
    )
    if refusal is not None:
        output.note(f"publishing it is refused: {refusal['message']}")


def _rules(document: Any) -> tuple[PolicyIR, dict[str, str] | None]:  # noqa: ANN401 - any JSON
    """Return the rules, as a connector has them if it takes them, else why it does not."""
    try:
        offer = Offer.model_validate(
            {**read_terms(document), "@id": "urn:trustspace:terms", "@type": "Offer"}
        )
        return lower(offer, kind="offer"), None
    except PolicyError as error:
        if error.code == "policy.keyword":
            raise
        return lower_document(read_policy(document)).policies[0], _why(error)


def _refused(terms: Sequence[Term], accepted: Sequence[str]) -> dict[str, str] | None:
    try:
        require(terms, accepted)
    except PolicyError as error:
        return _why(error)
    return None


def _why(error: PolicyError) -> dict[str, str]:
    hint = f"; {error.hint}" if error.hint else ""
    return {"code": error.code, "pointer": error.location, "message": f"{error}{hint}"}
