"""What an app shows and a person can use: messages, forms, App Homes, agents."""

from latchkey.testing.surfaces.agent import Agent
from latchkey.testing.surfaces.elements import State
from latchkey.testing.surfaces.home import Home
from latchkey.testing.surfaces.modal import Modal
from latchkey.testing.surfaces.posted_message import PostedMessage
from latchkey.testing.surfaces.shown_text import shown_text

__all__ = ["Agent", "Home", "Modal", "PostedMessage", "State", "shown_text"]
