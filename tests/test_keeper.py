"""The keeper of a sandbox's processes and files removes them, and says where that does not go as it should."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from proca_topo.errors import SandboxError
from proca_topo.sandbox import keeper as keeper_module
from proca_topo.sandbox import kept as kept_module
from proca_topo.sandbox.kept import KeptProcesses
from tests.terminals import PATIENCE, runs
from tests.waiting import wait_until


def test_another_users_process_does_not_keep_the_rest_from_being_cleaned_up() -> None:
    """The command may have been started with sudo: only who started it can end it."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as place, subprocess.Popen(["sleep", "600"]) as theirs:
        try:
            Path(place).chmod(0o777)
            asked, asking = os.pipe()
            answering, answered = os.pipe()
            # Not a program of its own: nobody else may be able to read this Python's files.
            child = os.fork()
            if child == 0:
                try:
                    os.close(asking)
                    if is_root:
                        os.setuid(65534)
                    sys.argv, sys.stdin, sys.stdout = ["keeper", place], os.fdopen(asked), os.fdopen(answered, "w")
                    keeper_module.main()
                    os._exit(0)
                finally:  # whatever happens, it must not go on with the tests
                    os._exit(1)
            os.close(asked)
            os.close(answered)
            with os.fdopen(answering) as answers, os.fdopen(asking, "w") as requests:
                directory = Path(json.loads(answers.readline())["directory"])
                start = {
                    "do": "start",
                    "command": ["sleep", "600"],
                    "environment": {},
                    "log": str(directory / "log"),
                }
                for request in ({"do": "adopt", "pid": theirs.pid if is_root else 1, "group": False}, start):
                    print(json.dumps(request), file=requests, flush=True)
                    answer = json.loads(answers.readline())
            assert os.waitpid(child, 0) == (child, 0)
            assert not directory.exists()
            assert not Path(f"/proc/{answer['pid']}").exists()
            assert theirs.poll() is None
        finally:
            theirs.kill()


def test_a_keeper_that_takes_long_is_told_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file system may be slow. Stopped it is as slow as can be."""
    monkeypatch.setattr(kept_module, "_CLEAN_UP_SECONDS", 0.1)
    kept = KeptProcesses(tmp_path)
    sleeping = kept.start(["sleep", "600"], environment={"PATH": os.defpath}, log=kept.directory / "log")
    keeper = int(Path(f"/proc/{sleeping}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(keeper, signal.SIGSTOP)
    try:
        with pytest.raises(SandboxError, match=rf"not gone after 0.1 s. Its keeper \(process {keeper}\) goes on "):
            kept.close()
    finally:
        os.kill(keeper, signal.SIGCONT)
    wait_until(lambda: not (runs(sleeping) or kept.directory.exists()), "all of it is gone", seconds=PATIENCE)
