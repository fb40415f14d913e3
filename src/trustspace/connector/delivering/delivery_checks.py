"""What is looked at before policy is asked whether data may leave, and the salt of its masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trustspace.dataplane.source import API, AnySource, FileSource, read_source
from trustspace.dsp.messages import TransferState
from trustspace.errors import PolicyDeniedError, TrustspaceError

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted
    from trustspace.connector.delivering.order import Order
    from trustspace.store import DatasetRow

FORM_UNAVAILABLE = "form.unavailable"
"""Code of a request for a file of what is only a table, or the other way round."""


class CalledInstead(TrustspaceError):  # noqa: N818 - says what to do, not what is wrong
    """The dataset is an interface: the request is a call of its root."""


def mask_salt(hosted: Hosted, agreement_id: str) -> bytes:
    """Return the secret that binds hash masks to one agreement.

    Equal values hash alike within an agreement, so that joins work, and differently in another
    one, so that two consumers cannot match their copies.
    """
    derive = HKDF(
        algorithm=hashes.SHA256(), length=32, salt=None, info=b"mask:" + agreement_id.encode()
    )
    return derive.derive(hosted.key.to_pem())


def check_running(state: TransferState) -> None:
    """Refuse data of a transfer that does not run.

    Raises:
        PolicyDeniedError: It does not.
    """
    if state is not TransferState.STARTED:
        raise PolicyDeniedError(
            f"the transfer is {state.lower()}",
            code=f"transfer.{state.lower()}",
            hint="resume the transfer, or ask for a new one",
        )


def check_form(order: Order, source: AnySource) -> None:
    """Refuse a form that the source does not have.

    Raises:
        CalledInstead: The source is an interface.
        PolicyDeniedError: It has other forms.
    """
    if API in source.forms and not order.call:
        raise CalledInstead("the dataset is an interface")
    if order.form not in source.forms:
        what = "is no interface" if order.call else f"cannot be had as a {order.form}"
        raise PolicyDeniedError(
            f"the dataset {what}",
            code=FORM_UNAVAILABLE,
            hint=f"ask for the {' or '.join(source.forms)}",
        )


def columns_of(dataset: DatasetRow) -> tuple[str, ...]:
    """Return the columns of a table, none for what is no table."""
    source = read_source(dataset.source)
    return source.columns if isinstance(source, FileSource) else ()
