"""The command line: ``s2s VERB``, a file of this folder for each verb.

Such a file turns arguments into values and calls a function of the library. It has ``DESCRIPTION``,
``add_arguments(parser)`` and ``run(args)``, and optionally ``EPILOG``; ``OUTPUT``, the name of the argument that says
where results go; ``STOPPED``, the message after Ctrl-C, in which ``{output}`` is the value of that argument; and
``FLAGS_BEHIND = True``, if it takes flags after ``--``, as ``args.flags_behind``. It imports nothing heavy before
``run``: ``s2s VERB --help`` has to answer at once.
"""
