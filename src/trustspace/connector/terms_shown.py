"""How far the terms of our datasets and agreements bind, as the management API shows it.

What the ledger has to know beside the policy is how a dataset leaves: its forms, whether its calls
can change something, and of an agreement of ours as a consumer what its provider runs.

Example::

    agreement_terms(context, tx, row)
    # [{'pointer': '/permission/0/constraint/0', 'term': 'odrl:count', 'provider': 'enforced', …
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.cataloguing.offers import offer_of
from trustspace.dataplane.api_source import ApiSource
from trustspace.dataplane.source import read_source
from trustspace.dsp.dialects import STRICT
from trustspace.errors import ConfigurationError, PolicyError
from trustspace.model.odrl import Agreement
from trustspace.model.participant import Role
from trustspace.policy.ledger import Delivering, ledger
from trustspace.policy.lower import lower
from trustspace.policy.vocabulary import compact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.connector.context import ConnectorContext
    from trustspace.dataplane.source import AnySource
    from trustspace.model.odrl import Policy
    from trustspace.store import AgreementRow, DatasetRow, Transaction

MAX_ACCEPTED = 100
MAX_NAME = 200

_READING = frozenset({"GET", "HEAD"})


def accepted_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return terms that may be contractual, each once, as the ledger names them.

    Raises:
        ConfigurationError: There are too many, or one cannot be the name of a term.
    """
    if len(names) > MAX_ACCEPTED or not all(
        0 < len(name) <= MAX_NAME and name.isprintable() for name in names
    ):
        raise ConfigurationError(
            "the accepted terms cannot be used",
            setting="accept_contractual",
            hint=f"give at most {MAX_ACCEPTED} names of terms, for example distribute",
        )
    return tuple(sorted({compact(name) for name in names}))


def delivering(source: AnySource, forms: Sequence[str]) -> Delivering:
    """Return how a source leaves."""
    writes = isinstance(source, ApiSource) and not _READING.issuperset(source.methods)
    return Delivering(forms=tuple(forms), writes=writes)


def dataset_terms(row: DatasetRow, policy: Mapping[str, Any]) -> list[dict[str, str]]:
    """Show how far the terms of an offer of ours bind."""
    how = delivering(read_source(row.source), row.forms)
    return _shown(offer_of(row, policy, target=row.id), "offer", how)


def agreement_terms(
    context: ConnectorContext, tx: Transaction, row: AgreementRow
) -> list[dict[str, str]]:
    """Show how far the terms of an agreement bind, in either role."""
    how = Delivering()
    if row.role is Role.CONSUMER:
        dialect = context.dialects.of(row.participant, row.counterparty, _address(tx, row))
        how = Delivering(by_other_software=dialect is not STRICT)
    else:
        dataset = tx.datasets.get(row.participant, row.dataset_id)
        if dataset is not None:
            how = delivering(read_source(dataset.source), dataset.forms)
    return _shown(Agreement.model_validate(row.body), "agreement", how)


def _address(tx: Transaction, row: AgreementRow) -> str:
    negotiated = tx.negotiations.get(row.participant, row.negotiation_pid)
    return "" if negotiated is None else negotiated.callback_address


def _shown(policy: Policy, kind: Any, how: Delivering) -> list[dict[str, str]]:  # noqa: ANN401
    try:
        rules = lower(policy, kind=kind)
    except PolicyError:
        return []  # What cannot be read gives no access: nothing in it binds anybody.
    return [term.to_document() for term in ledger(rules, delivering=how)]
