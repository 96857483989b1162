"""Quality of what was loaded: suspects, accounts, volumes, health."""
