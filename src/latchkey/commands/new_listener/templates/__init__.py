"""The modules and tests that `latchkey new` writes, in which it replaces `new_listener` by the module's name."""
