"""The Docker daemon: the one that runs, or one that is started here and stopped again by `down`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .cache import key_of
from .paths import ROOT, cache_dir, state_dir
from .progress import say, step
from .shell import CommandFailedError, output, run, succeeds

DAEMON_START_SECONDS = 60
DAEMON_PACKAGES = ("docker.io", "containerd", "runc", "iptables", "jq", "mmdebstrap", "conntrack", "socat", "ethtool")
CAP_SYS_RESOURCE = 24
ASK_DAEMON = ("docker", "version", "--format", "{{.Server.Version}}")
ASK_SECONDS = 20
RESTRICTED_RUNTIME = ROOT / "devtools" / "node" / "runc-restricted"


class DockerMissingError(Exception):
    """No Docker daemon answers and none can be started here."""


def host_is_restricted() -> bool:
    """Tell whether this host withholds CAP_SYS_RESOURCE, without which runc refuses privileged containers."""
    status = Path("/proc/self/status").read_text()
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounding, 16) >> CAP_SYS_RESOURCE & 1


def answers() -> bool:
    """Tell whether a Docker daemon answers."""
    return shutil.which("docker") is not None and succeeds(ASK_DAEMON, timeout=ASK_SECONDS)


def check_allowed() -> None:
    """Raise DockerMissingError where a daemon runs that this user may not talk to: that is another thing than none."""
    if shutil.which("docker") is None:
        return
    asked = run(ASK_DAEMON, check=False, timeout=ASK_SECONDS)
    if asked.returncode and "permission denied" in asked.stderr.lower():
        raise DockerMissingError(
            "a Docker daemon runs, but this user may not talk to it, so nothing was done: add yourself to its group "
            "(`sudo usermod -aG docker $USER`, then log in again), or run this as root."
        )


def ensure() -> None:
    """Have a Docker daemon that answers; start one where none does. Raises DockerMissingError with what to do."""
    check_allowed()
    if answers():
        return
    if os.geteuid() != 0:
        raise DockerMissingError(
            "no Docker daemon answers, and only root can start one: start it (`sudo systemctl start docker`), or run "
            "this as root."
        )
    if shutil.which("dockerd") is None or shutil.which("runc") is None:
        install_packages(DAEMON_PACKAGES)
    _start()


def install_packages(packages: Iterable[str]) -> None:
    """Install Debian packages. Raises CommandFailedError, DockerMissingError where this is no Debian."""
    if shutil.which("apt-get") is None:
        raise DockerMissingError(
            f"this host has no apt-get: install Docker yourself, start it, and run this again ({', '.join(packages)})."
        )
    wanted = list(packages)
    with step(f"installing Debian packages {' '.join(wanted)}"):
        run(["apt-get", "update", "-q"])
        run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted],
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )


def _start() -> None:
    state = state_dir()
    state.mkdir(parents=True, exist_ok=True)
    command = ["dockerd"]
    if host_is_restricted():
        if shutil.which("jq") is None:
            install_packages(["jq"])
        # A copy: the daemon outlives the checkout that started it.
        runtime = Path(shutil.copy2(RESTRICTED_RUNTIME, state / RESTRICTED_RUNTIME.name))
        command += ["--add-runtime", f"restricted={runtime}", "--default-runtime", "restricted"]
    with step("starting the Docker daemon"):
        _clear_traces_of_a_killed_daemon()
        with (state / "dockerd.log").open("ab") as log:
            daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        (state / "dockerd.pid").write_text(str(daemon.pid))
        deadline = time.monotonic() + DAEMON_START_SECONDS
        while not answers():
            if daemon.poll() is not None or time.monotonic() > deadline:
                tail = "\n".join((state / "dockerd.log").read_text(errors="replace").splitlines()[-20:])
                raise DockerMissingError(
                    f"the Docker daemon did not start; the end of {state / 'dockerd.log'}:\n{tail}"
                )
            time.sleep(0.2)


def _clear_traces_of_a_killed_daemon() -> None:
    """Remove the process id files that make the next daemon refuse to start; give a dying one a moment to be gone."""
    for trace in (Path("/var/run/docker.pid"), Path("/var/run/docker/containerd/containerd.pid")):
        if not trace.exists():
            continue
        pid = trace.read_text().strip()
        deadline = time.monotonic() + 10
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not _alive(pid):
            trace.unlink(missing_ok=True)


def _alive(pid: str) -> bool:
    """Tell whether a process runs: one that has ended and waits for its parent does not."""
    return pid.isdigit() and Path(f"/proc/{pid}").exists() and not _is_zombie(pid)


def stop() -> None:
    """Stop the daemon if it is one that `ensure` started and nothing runs in it any more."""
    pid_file = state_dir() / "dockerd.pid"
    if not pid_file.exists() or (answers() and output(["docker", "ps", "--quiet"])):
        return
    pid = pid_file.read_text().strip()
    if _alive(pid) and Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd":
        with step("stopping the Docker daemon that was started here"):
            os.kill(int(pid), signal.SIGTERM)
            deadline = time.monotonic() + 30
            while _alive(pid) and time.monotonic() < deadline:
                time.sleep(0.1)
    pid_file.unlink()
    (state_dir() / "dockerd.log").unlink(missing_ok=True)


def _is_zombie(pid: str) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return True


def has_image(tag: str) -> bool:
    """Tell whether the daemon holds an image of that name."""
    return succeeds(["docker", "image", "inspect", tag])


def pull(tag: str) -> bool:
    """Pull an image; tell whether that worked. Where no registry can be reached this says so within a second."""
    return has_image(tag) or succeeds(["docker", "pull", "--quiet", tag], timeout=600)


def build(
    context: Path, tag: str, *, labels: dict[str, str] | None = None, arguments: dict[str, str] | None = None
) -> None:
    """Build an image from a folder with a Dockerfile. The classic builder: the daemon may know no other."""
    command = ["docker", "build", "--quiet", "--network", "host", "--force-rm", "--tag", tag]
    for name, value in (labels or {}).items():
        command += ["--label", f"{name}={value}"]
    for name, value in (arguments or {}).items():
        command += ["--build-arg", f"{name}={value}"]
    run([*command, str(context)], env={"DOCKER_BUILDKIT": "0"}, timeout=1800)


KEY_LABEL = "org.seldon-core-operator.recipe"
STAGE_LABEL = "org.seldon-core-operator.stage"
"""On the first stages of our Dockerfiles: what is left of them has no name."""


def keyed_image(
    tag: str, parts: Iterable[str | bytes | Path], make: Callable[[dict[str, str]], None], *, keep: bool = False
) -> str:
    """Have an image made from exactly these parts under `tag`; `make(labels)` builds it with those labels.

    With `keep` the image is saved in the cache too, so that a daemon without images gets it back without a build.
    Returns the key.
    """
    key = key_of(*parts)
    if _label_of(tag) == key:
        say(f"           image {tag}: present")
        return key
    archive = cache_dir() / "images" / f"{tag.replace('/', '_').replace(':', '_')}-{key}.tar"
    if keep and archive.exists():
        with step(f"loading image {tag} from the cache"):
            run(["docker", "load", "--input", archive])
        return key
    with step(f"building image {tag}"):
        make({KEY_LABEL: key})
    if keep:
        archive.parent.mkdir(parents=True, exist_ok=True)
        for old in archive.parent.glob(archive.name.replace(key, "?" * len(key))):
            old.unlink()
        scratch = archive.with_suffix(".part")
        run(["docker", "save", "--output", scratch, tag])
        scratch.rename(archive)
    return key


def _label_of(tag: str) -> str:
    template = f'{{{{index .Config.Labels "{KEY_LABEL}"}}}}'
    try:
        return output(["docker", "image", "inspect", "--format", template, tag])
    except CommandFailedError:
        return ""


def image_id(tag: str) -> str:
    """Return the content id of an image. Raises CommandFailedError where there is none."""
    return output(["docker", "image", "inspect", "--format", "{{.Id}}", tag])
