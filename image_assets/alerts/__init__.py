"""Who is told of what: failed checks, checks that pass again and failed runs become messages, each sent once."""
