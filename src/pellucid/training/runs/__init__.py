"""The run folder: one SQLite file that a recorder writes and anyone reads, during training and afterwards. No framework is needed."""
