"""The operator's commands, one module or sub-package per command group."""
