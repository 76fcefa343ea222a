"""Services that outlive the console: what this account runs, its supervisor, its log."""
