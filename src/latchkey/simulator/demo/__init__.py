"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account."""

from latchkey.simulator.demo.check import DemoCheck, StepFailed
from latchkey.simulator.demo.run import INSTRUCTIONS, run_demo, ssh_instructions

__all__ = ["INSTRUCTIONS", "DemoCheck", "StepFailed", "run_demo", "ssh_instructions"]
