"""The commands of the view that tests a model version, and of the request in it."""

from __future__ import annotations

from tui.commands.command import Command

MODEL_TEST_COMMANDS: tuple[Command, ...] = (
    Command(
        id="testing.send",
        keys="s",
        action="send",
        title="send",
        help="Send the request; shows the answer, its status and how long it took.",
    ),
    Command(
        id="testing.edit",
        keys="e",
        action="edit",
        title="edit",
        help="Edit the request.",
    ),
    Command(
        id="testing.next-form",
        keys="t",
        action="next_form",
        title="form",
        help="Edit the request as JSON, as CSV, or as a form with a field for each column.",
    ),
    Command(
        id="testing.check-rows",
        keys="a",
        action="check_rows",
        title="accuracy",
        help="Test on labelled rows: those that the source run recorded, or a CSV file; looks for skew.",
    ),
    Command(
        id="testing.compare-version",
        keys="c",
        action="compare_version",
        title="compare",
        help="Compare with another version on the same rows: disagreements, and whether they may be chance.",
    ),
    Command(
        id="testing.measure-load",
        keys="p",
        action="measure_load",
        title="load",
        help="Send the request at a constant rate for a few seconds: latencies, errors, and the limit.",
    ),
    Command(
        id="testing.smoke-test",
        keys="T",
        action="smoke_test",
        title="smoke test",
        help="Load the version and predict on its input example.",
    ),
    Command(
        id="testing.copy-curl",
        keys="y",
        action="copy_curl",
        help="Copy a curl command that sends the request.",
    ),
)

EDITOR_COMMANDS: tuple[Command, ...] = (
    Command(id="editor.send", keys="ctrl+s", action="send", title="send", help="Send the request."),
    Command(
        id="editor.next-form",
        keys="ctrl+t",
        action="next_form",
        title="JSON, CSV or form",
        help="Edit the request as JSON, as CSV, or as a form.",
    ),
    Command(
        id="editor.leave",
        keys="escape",
        action="leave",
        title="leave",
        help="Leave the request, so that the keys of the view work again.",
    ),
)
