"""What a search for watermarks found.

Example::

    found = client.find_watermark("rose-prices", "leaked.csv")
    found.findings[0].counterparty  # 'did:web:bank.example'
"""

from __future__ import annotations

from trustspace.model.value import Value


class WatermarkFinding(Value):
    """A recipient whose mark a file carries.

    Attributes:
        agreement: Id of the agreement under which the copy was delivered.
        counterparty: Id of the recipient.
        chance: Probability that a file without the mark looks like this, at most.
        marked: Marked values that were found.
        agreeing: Those that agree with the recipient's key.
        records: Marker records that were found.
    """

    agreement: str
    counterparty: str
    chance: float
    marked: int = 0
    agreeing: int = 0
    records: int = 0


class WatermarkSearch(Value):
    """Whose copy a file is.

    Attributes:
        dataset: The dataset that it may be a copy of.
        tried: Agreements whose mark was looked for.
        rows: Rows of the file.
        findings: The recipients, the surest first; none when nobody's mark is there.
    """

    dataset: str
    tried: int
    rows: int
    findings: tuple[WatermarkFinding, ...] = ()
