"""Personal data in text, recognised by form: pure functions, linear in time.

``recognition`` (what is found and what is left without it), ``numbers`` (which digits are a card, a
telephone, a passport), ``spelling`` (one spelling for digits of any script and width).
"""
