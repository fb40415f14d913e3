"""The consumer's connector deletes what it was delivered, and the provider holds the proof.

Run it: python examples/08_deletion_proof.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import trustspace as ts


def main() -> None:
    """Agree that copies go two seconds after their use, and look at both sides' logs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ts.Connector.local("hospital") as hospital,
        ts.Connector.local("laboratory") as laboratory,
    ):
        file = Path(folder, "slides.csv")
        file.write_text("slide,finding\n1,benign\n2,malignant\n", encoding="utf-8")
        hospital.publish(file, id="slides", terms=ts.terms(delete_after="PT2S"))
        agreement = laboratory.negotiate(hospital.address, "slides")

        laboratory.keep(agreement)
        with laboratory.use(agreement) as data:
            print("findings:", data.to_polars()["finding"].to_list())

        proof = wait_for(laboratory, agreement, "sealed.deleted").body["proof"]
        wait_for(hospital, agreement, "duty.fulfilled")
        (duty,) = [each for each in hospital.duties(agreement.id) if each.evidence is not None]
        told = duty.model_dump()["evidence"]["report"]["removed"]
        print("the laboratory has deleted:", told["sealed"], "sealed files")
        print("the hospital holds the same proof:", told["proof"] == proof)
        for side in (laboratory, hospital):
            print(f"{side.home.name}:", *[event.kind for event in side.timeline(agreement)])


def wait_for(side: ts.Client, agreement: ts.Agreement, kind: str) -> ts.Event:
    """Return the first event of a kind under an agreement."""
    deadline = time.monotonic() + 40
    while True:
        for event in side.timeline(agreement):
            if event.kind == kind:
                return event
        if time.monotonic() > deadline:
            raise SystemExit(f"there was no {kind}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
