"""Pages for people: self-contained HTML files with plots, for every stage that reports something."""
