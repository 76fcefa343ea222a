"""A service as a unit of `systemd --user`, which starts it with the machine and keeps it running."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from engine.child_process import with_engine
from engine.services.folder import ServiceFolder
from engine.services.processes import VARIABLE, mark
from engine.services.records import ServiceSpec

_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))
_MARGIN_SECONDS = 20

_TEMPLATE = """\
# {kind} {name}, as registered in {folder}
#
# Save as ~/.config/systemd/user/{unit}, then:
#   mlflow-console {stop} {stopped}
#   systemctl --user daemon-reload
#   systemctl --user enable --now {unit}
#   loginctl enable-linger        # also while you are not logged in

[Unit]
Description=MLflow {kind} {description}

[Service]
Type=notify
ExecStart={command}
Environment={python_path} {mark}
{variables}
Restart=on-failure
RestartSec=5
TimeoutStartSec={start_seconds}
TimeoutStopSec={stop_seconds}
KillMode=mixed
# MemoryMax=2G

# It may read everything this account may, and write only here.
ProtectSystem=strict
ReadWritePaths={writable}
{private_tmp}
NoNewPrivileges=yes
LockPersonality=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
UMask=0077

[Install]
WantedBy=default.target
"""


def unit_name(spec: ServiceSpec) -> str:
    return f"mlflow-console-{re.sub(r'[^A-Za-z0-9:_.-]', '_', spec.name)}.service"


def unit(spec: ServiceSpec) -> str:
    """The text of the unit of a registered service. It contains no secrets: the variables that the command
    needs come from a file that the operator writes."""
    folder = ServiceFolder.of(spec.name).path
    command = (sys.executable, "-P", "-m", "engine.services.supervisor", str(folder))
    writable = (str(folder), *spec.writable)
    is_temporary = any(Path(path).is_relative_to(place) for path in writable for place in _TEMPORARY)
    return _TEMPLATE.format(
        kind=spec.kind,
        name=spec.name,
        stop="server stop" if spec.kind == "server" else "stop",
        stopped=shlex.quote(spec.name),
        description=spec.name.replace("%", "%%"),
        folder=folder,
        unit=unit_name(spec),
        command=" ".join(_quoted(argument).replace("$", "$$") for argument in command),
        python_path=_quoted(f"PYTHONPATH={with_engine({})['PYTHONPATH']}"),
        mark=_quoted(f"{VARIABLE}={mark(folder)}"),
        variables=_variables(spec, folder),
        start_seconds=round(spec.ready_seconds + _MARGIN_SECONDS),
        stop_seconds=round(spec.drain_seconds + _MARGIN_SECONDS),
        writable=" ".join(_quoted(path) for path in writable),
        private_tmp="# PrivateTmp=yes would hide its files in /tmp" if is_temporary else "PrivateTmp=yes",
    )


def _variables(spec: ServiceSpec, folder: Path) -> str:
    """Where the variables come from that the command needs."""
    file = f"EnvironmentFile={folder}/environment".replace("%", "%%")
    if not spec.environment:
        return f"# {file}"
    needed = "\n".join(f"#   {name}=" for name in spec.environment)
    return f"# This file, with mode 0600, has to contain:\n{needed}\n{file}"


def _quoted(text: str) -> str:
    """One word for systemd."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
