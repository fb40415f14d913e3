"""The consumer's side of an agreement: data that stays governed after delivery."""
