"""A connector under test for the Dataspace Protocol's Technology Compatibility Kit.

The kit plays the counterparty ``TCK_PARTICIPANT`` in 67 cases. It needs a connector whose next step
is fixed by the dataset or agreement that a case is about, where an ordinary one decides by policy
and by its owner's calls. So this is an ordinary connector whose processes all rest
(`trustspace.connector.reaction`), with an owner beside it that takes the scripted step a moment
later by the same calls that any owner has::

    kit ── request ──► connector: stores the state, answers, rests
                          │ domain event
                          ▼
    kit ◄── message ── owner: looks up (id, state, visit), waits, takes the step if nothing moved

A kit starts the cases in which we are the consumer by two webhooks, on a port of their own.

On the command line::

    python -m trustspace.testing.tck serve         # prints one line: ready
    python -m trustspace.testing.tck properties    # the kit's configuration for it
"""
