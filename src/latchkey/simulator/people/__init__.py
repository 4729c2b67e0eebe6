"""Acts as the people in the simulated Slack."""

from latchkey.simulator.people.people import People

__all__ = ["People"]
