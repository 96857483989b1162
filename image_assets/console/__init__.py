"""The console: pages for people and an API for programs, over what `answers/`, `predict/` and the tables say.

What belongs here: what a request may be, and how answers are shown. What does not: finding anything out.
Nothing here knows Dagster, and no page or script asks another machine for anything.
"""
