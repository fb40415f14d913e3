"""ODRL as authors and other systems write it: any JSON-LD spelling, every part of the model.

``names`` reads how a document spells its terms, ``document`` what it says, ``literal`` its values,
``lowering`` makes rules of it that the engine evaluates, ``evaluation`` asks one question about it.
"""
