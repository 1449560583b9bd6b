"""A SLURM of one node on this machine, with a folder and ports of its own."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Why SLURM cannot run here, or nothing."""
    lacking = [name for name in DAEMONS if shutil.which(name, path=_PATH) is None]
    if lacking:
        return f"SLURM is not installed: {', '.join(lacking)}"
    return "" if os.geteuid() == 0 else "only root may start SLURM's daemons"


class Slurm:
    """SLURM while it is used in a `with`; `environment` has its commands find it.

    Parameters
    ----------
    folder : pathlib.Path
        Where it keeps all that it has.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self._processes = []

    def __enter__(self):
        (self.folder / "state").mkdir()
        (self.folder / "spool").mkdir()
        self._configure()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised):
        for process in reversed(self._processes):
            process.terminate()
            process.wait()

    def said(self, *command):
        """What a command of SLURM prints, line by line."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, text=True, capture_output=True, check=True)
        return done.stdout.split("\n")[:-1]

    def jobs(self):
        """The numbers of all jobs that run."""
        return self.said("squeue", "--noheader", "--states=RUNNING", "--format=%i")

    def _configure(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        host = socket.gethostname().partition(".")[0]
        text = CONFIGURATION.format(folder=self.folder, host=host, ports=_freePorts(2))
        (self.folder / "slurm.conf").write_text(text)

    def _start(self):
        files = {name: self.folder / f"munge.{name}" for name in ("socket", "pid", "seed")}
        self._run("munged", "--foreground", "--force", f"--key-file={self.folder / 'munge.key'}",
                  *(f"--{name}{'' if name == 'socket' else '-file'}={path}"
                    for name, path in files.items()))  # fmt: skip
        self._wait(files["socket"].exists)
        self._run("slurmctld", "-D", "-i")
        self._run("slurmd", "-D")
        self._wait(lambda: self._node() == ["idle"])

    def _node(self):
        try:
            return self.said("sinfo", "--noheader", "--format=%t")
        except subprocess.CalledProcessError:  # it does not answer yet
            return []

    def _run(self, name, *options):
        with open(self.folder / f"{name}.log", "w") as log:
            process = subprocess.Popen(
                [shutil.which(name, path=_PATH), *options], stdout=log, stderr=log,
                env={**os.environ, **self.environment},
            )  # fmt: skip
        self._processes.append(process)

    def _wait(self, isReady, seconds=60):
        deadline = time.monotonic() + seconds
        while not isReady():
            assert time.monotonic() < deadline, self._logs()
            assert all(process.poll() is None for process in self._processes), self._logs()
            time.sleep(0.1)

    def _logs(self):
        return "\n".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))


_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _freePorts(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
