"""`latchkey demo`: the server and a simulated Slack on this machine, without a Slack account."""

from latchkey.simulator.demo.check import DemoCheck, StepFailed
from latchkey.simulator.demo.log_lines import follow
from latchkey.simulator.demo.run import (
    INSTRUCTIONS,
    SERVER_PORT,
    SLACK_PORT,
    OwnApp,
    free_port,
    kept_folder,
    on_free_port,
    run_demo,
    ssh_instructions,
    until_signal,
    usable_port,
)

__all__ = [
    "INSTRUCTIONS",
    "SERVER_PORT",
    "SLACK_PORT",
    "DemoCheck",
    "OwnApp",
    "StepFailed",
    "follow",
    "free_port",
    "kept_folder",
    "on_free_port",
    "run_demo",
    "ssh_instructions",
    "until_signal",
    "usable_port",
]
