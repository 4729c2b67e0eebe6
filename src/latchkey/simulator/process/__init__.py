"""The real server as a child process, with a simulated Slack in place of the real one."""

from latchkey.simulator.process.installing import NotInstalled, install_app
from latchkey.simulator.process.isolation import isolated_environment, without_secrets
from latchkey.simulator.process.server_process import ServerDied, ServerProcess, new_credentials

__all__ = [
    "NotInstalled",
    "ServerDied",
    "ServerProcess",
    "install_app",
    "isolated_environment",
    "new_credentials",
    "without_secrets",
]
