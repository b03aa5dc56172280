"""Long work in steps: what a signal does to the process that a step starts."""

import os
import signal
import subprocess
import sys

import pytest

from s2s_plugins.steps import held_signals


@pytest.fixture
def interrupts():
    """SIGTERM raises KeyboardInterrupt, as in the commands that run steps."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_the_process_is_known_and_ends_it(interrupts, number):
    reached = False
    with pytest.raises(KeyboardInterrupt):
        with held_signals() as release:
            os.kill(os.getpid(), number)
            reached = True
            with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
                try:
                    release()
                except BaseException:
                    process.terminate()
                    raise
    assert reached and process.returncode == -signal.SIGTERM


def test_what_was_set_for_a_signal_is_set_again(interrupts):
    def handlers():
        return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    before = handlers()
    with held_signals() as release:
        assert not set(handlers()) & set(before)
        release()
        assert handlers() == before
    assert handlers() == before


def test_an_ignored_signal_stays_ignored_by_what_is_started(interrupts):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with held_signals():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
