"""Data: sets that ship in packages, preparation that can be undone, baselines and players."""
