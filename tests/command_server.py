"""Runs console commands for the tests, each in a process of its own, without paying for the imports each time.

One process imports torch and fairseq, then forks for every command: the child is what the command would be after its
imports, down to the exit code of an uncaught exception. It has imported neither s2s_plugins nor fairseq_cli, unless
started with ``--warm``: for hundreds of commands that end at once.

Reads a JSON object a line from stdin: ``{"argv": [...], "cwd": DIR, "env": {...}, "stdout": FILE, "stderr": FILE,
"stdin": FILE}``, None for a stream that is closed, and answers with the exit code, a line each.
"""

import atexit
import gc
import json
import logging
import os
import signal
import sys
import threading
from importlib.metadata import entry_points

WARM = "--warm" in sys.argv


def serve() -> dict:
    """Answer requests until stdin ends; returns only in the child of a fork, with its request."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            return request
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)


def become(request: dict) -> None:
    """Take over the request's folder, environment, streams and arguments."""
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    if "timeout" in request:
        signal.alarm(request["timeout"])
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (name, mode) in enumerate((("stdin", os.O_RDONLY), ("stdout", write), ("stderr", write))):
        if request[name] is None:
            os.close(number)
            setattr(sys, name, None)
        else:
            os.dup2(os.open(request[name], mode), number)
    if request["stdin"] is not None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)
    if "PYTHONIOENCODING" in request["env"]:
        sys.stdout.reconfigure(encoding=request["env"]["PYTHONIOENCODING"])
    sys.argv = request["argv"]
    # what importing fairseq set up; fairseq-train sets up its own before it imports fairseq
    logging.root.handlers.clear()
    # the interpreter puts the script's folder first, and that is not this one
    sys.path[0] = os.path.dirname(sys.executable)


def end_at_once(command) -> None:
    """Run ``command`` and end as the interpreter would, but for the second in which it takes all modules apart."""
    code = 0
    try:
        try:
            code = command.load()()
        except SystemExit:
            raise
        except BaseException as error:
            code = 1
            sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as ending:
        code = ending.code
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    if isinstance(code, str):
        print(code, file=sys.stderr, flush=True)
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    import fairseq  # noqa: F401
    import torch  # noqa: F401

    if WARM:
        import fairseq_cli.eval_lm
        import fairseq_cli.generate
        import fairseq_cli.interactive
        import fairseq_cli.train
        import fairseq_cli.validate  # noqa: F401

        import s2s_plugins  # noqa: F401

    commands = {command.name: command for command in entry_points(group="console_scripts")}
    gc.freeze()  # else the first collection in each child copies all memory
    request = serve()
    become(request)
    command = commands[request["argv"][0]]
    end_at_once(command)
