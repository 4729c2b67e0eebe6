"""The real server as a child process, with a simulated Slack in place of the real one."""

from latchkey.simulator.process.isolation import isolated_environment, without_secrets
from latchkey.simulator.process.server_process import ServerDied, ServerProcess

__all__ = ["ServerDied", "ServerProcess", "isolated_environment", "without_secrets"]
