"""What answers look like to a person: lines and tables for a terminal, the same in Markdown for the UI."""
