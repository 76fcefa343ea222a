"""The commands of the deployments view, and of the view of one service."""

from __future__ import annotations

from tui.commands.command import Command
from tui.commands.shared import copy_menu_command, export_command

DEPLOYMENT_COMMANDS: tuple[Command, ...] = (
    Command(
        id="deployments.deploy",
        keys="n",
        action="deploy",
        title="deploy",
        help="Deploy a model version as an HTTP service.",
        word="deploy",
        arguments="[MODEL[@ALIAS|/STAGE|/VERSION]]",
        writes=True,
    ),
    Command(
        id="deployments.test",
        keys="T",
        action="test_service",
        title="test",
        help="Test the deployment: with requests, on labelled rows, against another version.",
    ),
    Command(
        id="deployments.swap",
        keys="s",
        action="swap",
        title="swap",
        help="Swap to the version that the alias or stage now names, or to another; no request fails.",
        word="swap",
        arguments="[NAME [VERSION]]",
        writes=True,
    ),
    Command(
        id="deployments.back",
        keys="b",
        action="swap_back",
        title="back",
        help="Swap back to the version before the last swap.",
        writes=True,
    ),
    Command(
        id="deployments.stop",
        keys="x",
        action="stop_service",
        title="stop",
        help="Stop the deployment or the tracking server, with all its processes.",
        word="stop",
        arguments="[NAME]",
        writes=True,
    ),
    Command(
        id="deployments.cancel",
        keys="ctrl+x",
        action="cancel_operation",
        help="Cancel what is being deployed, swapped or started.",
    ),
    Command(
        id="deployments.remove",
        keys="D",
        action="remove_service",
        help="Remove a deployment or server that does not run from the list, with its log.",
        writes=True,
    ),
    Command(
        id="deployments.show-log",
        keys="L",
        action="show_log",
        title="log",
        help="Show the log; it follows while the last line is in view.",
        word="logs",
        arguments="[NAME]",
    ),
    Command(
        id="deployments.open",
        keys="d",
        action="open_service",
        help="Show everything about the service, with its log (also enter).",
    ),
    Command(
        id="deployments.server",
        keys="S",
        action="start_server",
        title="server",
        help="Start a tracking server.",
        word="server",
        arguments="[start|stop|logs|doctor|backup]",
        writes=True,
    ),
    Command(
        id="deployments.back-up",
        action="back_up",
        help="Back up the store of the tracking server; without a server, the open store.",
        word="backup",
    ),
    Command(
        id="deployments.doctor",
        keys="i",
        action="show_doctor",
        title="doctor",
        help="Check the tracking server under the cursor for faults; `:doctor` checks the open store.",
        word="doctor",
        arguments="[SERVER]",
    ),
    Command(
        id="deployments.copy-address",
        keys="y",
        action="copy_address",
        help="Copy the address of the service.",
    ),
    copy_menu_command("deployments"),
    export_command("deployments", "the deployments"),
)

DOCTOR_COMMANDS: tuple[Command, ...] = (
    Command(
        id="doctor.copy-command",
        keys="y",
        action="copy_command",
        title="copy command",
        help="Copy the command that fixes the finding.",
    ),
)
