"""The command line: ``s2s VERB``, a file of this folder for each verb.

Such a file has ``DESCRIPTION``, ``add_arguments(parser)`` and ``run(args)``, and may have ``EPILOG``; ``OUTPUT``, the
name of the argument that says where results go; ``STOPPED``, what Ctrl-C leaves behind, in which ``{output}`` is that
argument's value; and ``FLAGS_BEHIND``, if it takes flags behind ``--``, as ``args.flags_behind``. It imports nothing
heavy before ``run``: ``s2s --help`` has to answer at once.
"""
