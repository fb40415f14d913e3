"""Why an exchange does not work: probes of a counterparty, and of the own home."""
