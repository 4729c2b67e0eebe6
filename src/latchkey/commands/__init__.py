"""The administrator's commands, one file a group; `maintenance.py` is their front door."""
