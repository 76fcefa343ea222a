"""The commands inside tables, the filter and panes of details."""

from __future__ import annotations

from tui.commands.command import Command

TABLE_COMMANDS: tuple[Command, ...] = (
    Command(id="table.cursor-down", keys="j,down", action="cursor_down", help="Down one row."),
    Command(id="table.cursor-up", keys="k,up", action="cursor_up", help="Up one row."),
    Command(id="table.cursor-top", keys="g,home", action="cursor_top", help="First row."),
    Command(id="table.cursor-bottom", keys="G,end", action="cursor_bottom", help="Last row."),
    Command(id="table.half-page-down", keys="ctrl+d", action="half_page_down", help="Down half a page."),
    Command(id="table.half-page-up", keys="ctrl+u", action="half_page_up", help="Up half a page."),
    Command(id="table.page-down", keys="pagedown", action="page_down", help="Down one page."),
    Command(id="table.page-up", keys="pageup", action="page_up", help="Up one page."),
    Command(id="table.column-left", keys="H,left", action="column_left", help="Previous column."),
    Command(id="table.column-right", keys="L,right", action="column_right", help="Next column."),
    Command(id="table.select-row", keys="enter", action="select_row", help="Open the row."),
    Command(id="table.toggle-mark", keys="space", action="toggle_mark", help="Mark or unmark the row."),
    Command(
        id="table.mark-range",
        keys="v",
        action="mark_range",
        help="Mark all rows from the last mark to the cursor.",
    ),
    Command(id="table.mark-all", keys="V", action="mark_all", help="Mark all rows; again to unmark them."),
)

FILTER_COMMANDS: tuple[Command, ...] = (
    Command(
        id="filter.complete",
        keys="tab",
        action="complete(1)",
        title="complete",
        help="Complete a column, operator or value; again for the next.",
    ),
    Command(
        id="filter.complete-back", keys="shift+tab", action="complete(-1)", help="The previous completion."
    ),
    Command(
        id="filter.apply", keys="enter", action="submit", title="apply", help="Move on to the matching runs."
    ),
    Command(
        id="filter.earlier",
        keys="up",
        action="recall(-1)",
        title="earlier filters",
        help="The previous filter.",
    ),
    Command(
        id="filter.later", keys="down", action="recall(1)", help="The next filter; after the last, the runs."
    ),
    Command(
        id="filter.clear",
        keys="escape",
        action="leave",
        title="clear",
        help="Close the completions; else clear the filter.",
    ),
)

DETAILS_COMMANDS: tuple[Command, ...] = (
    Command(id="pane.scroll-down", keys="j,down", action="scroll_lines(1)", help="Scroll down one line."),
    Command(id="pane.scroll-up", keys="k,up", action="scroll_lines(-1)", help="Scroll up one line."),
    Command(
        id="pane.half-page-down", keys="ctrl+d", action="scroll_pages(0.5)", help="Scroll down half a page."
    ),
    Command(
        id="pane.half-page-up", keys="ctrl+u", action="scroll_pages(-0.5)", help="Scroll up half a page."
    ),
    Command(id="pane.page-down", keys="pagedown", action="scroll_pages(1)", help="Scroll down one page."),
    Command(id="pane.page-up", keys="pageup", action="scroll_pages(-1)", help="Scroll up one page."),
    Command(id="pane.top", keys="g,home", action="scroll_top", help="Scroll to the top."),
    Command(id="pane.bottom", keys="G,end", action="scroll_bottom", help="Scroll to the bottom."),
)
