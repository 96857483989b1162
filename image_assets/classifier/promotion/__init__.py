"""Whether a newly trained model becomes the champion, by rule or by hand, and the history of it."""
