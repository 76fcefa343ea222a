"""The one-shot commands, and the command that opens the console."""
