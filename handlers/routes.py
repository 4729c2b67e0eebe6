"""Which path goes where."""

from __future__ import annotations

from tornado.web import Application

from handlers.base import BaseHandler, HomeHandler, NotFoundHandler
from handlers.callback import CallbackHandler
from handlers.events import EventsRouter
from handlers.health import HealthHandler, ReadyHandler
from handlers.install import InstallHandler
from handlers.services import BOLT_CALLBACK_PATH, CALLBACK_PATH, EVENTS_PATH, INSTALL_PATH, Services


def make_application(services: Services) -> Application:
    """Return the whole application, for the server and for tests."""
    handed = {"services": services}
    return Application(
        [
            (EVENTS_PATH, EventsRouter(services)),
            (INSTALL_PATH, InstallHandler, handed),
            (CALLBACK_PATH, CallbackHandler, handed),
            (BOLT_CALLBACK_PATH, CallbackHandler, handed),
            ("/healthz", HealthHandler, handed),
            ("/readyz", ReadyHandler, handed),
            ("/", HomeHandler, handed),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=handed,
        log_function=BaseHandler.log_access,
    )
