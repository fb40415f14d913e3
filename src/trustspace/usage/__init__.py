"""The consumer's side of an agreement: data that stays governed after delivery.

Import from the modules: ``sealed_store`` (the folder of what was delivered), ``sealed_writer`` and
``sealed_reader`` (one object), ``file_keys``, ``environment_keys`` and ``agent_keys`` (where the
participant's key is), ``rotation`` (a new participant's key), ``key_lease`` and ``leased_keys``
(keys that the provider lends), ``deletion`` (the end, and its record), ``governed_sql`` (queries).
"""
