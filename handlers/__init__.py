"""HTTP in, HTTP out. The one folder that knows Tornado's handlers; what a request means is decided elsewhere."""

from handlers.http_server import LatchkeyServer
from handlers.routes import make_application
from handlers.services import Services

__all__ = ["LatchkeyServer", "Services", "make_application"]
