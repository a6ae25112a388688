"""
The command line: one verb, one module, with ``register(verbs)`` and ``run(args, context) -> exit code``.

A verb's heavy imports stand inside ``run``, so that ``clew --help`` stays quick.
"""
