"""The consent page, where a person allows or cancels an install."""

from __future__ import annotations

from urllib.parse import urlencode

from latchkey.simulator.pages.consent.approval import ConsentRefused, approve, cancel, check_request
from latchkey.simulator.pages.page_handler import TemplateHandler


class AuthorizeHandler(TemplateHandler):
    """GET /oauth/v2/authorize: the consent page. POST: its two buttons."""

    def get(self) -> None:
        query = self._query()
        try:
            check_request(self.world, query)
        except ConsentRefused as refused:
            self._show_error(refused)
            return
        self.render(
            "consent/consent.html",
            app_name=self.world.app.name,
            bot_permissions=self._permissions(query.get("scope", ""), as_user=False),
            user_permissions=self._permissions(query.get("user_scope", ""), as_user=True),
            optional=[
                scope
                for name, optional in (
                    ("scope", self.world.app.bot_optional),
                    ("user_scope", self.world.app.user_optional),
                )
                for scope in query.get(name, "").split(",")
                if scope in optional
            ],
            workspaces=self.world.workspaces.values(),
            orgs=sorted(self._orgs().items()),
            selected=query.get("team"),
            action=f"?{urlencode(query)}",
        )

    def post(self) -> None:
        query = self._query()
        chosen = self.get_body_argument("workspace", "")
        org_wide = chosen in self._orgs()
        found = (each for each in self.world.workspaces.values() if chosen in (each.team_id, each.enterprise_id))
        workspace = next(found, None)
        try:
            if self.get_body_argument("decision", "") != "allow" or workspace is None:
                self.redirect(cancel(self.world, query))
            else:
                optional = {*self.world.app.bot_optional, *self.world.app.user_optional}
                declined = optional - set(self.get_body_arguments("granted"))
                self.redirect(
                    approve(self.world, query, workspace, workspace.user_id, org_wide=org_wide, declined=declined)
                )
        except ConsentRefused as refused:
            self._show_error(refused)

    def _orgs(self) -> dict[str, str]:
        """Return the names of the orgs by their ids."""
        workspaces = self.world.workspaces.values()
        return {each.enterprise_id: each.enterprise_name or "" for each in workspaces if each.enterprise_id}

    def _permissions(self, scopes: str, *, as_user: bool) -> list[tuple[str, str]]:
        """Return each scope with what it lets the app do."""
        return [(scope, self.world.describe_scope(scope, as_user)) for scope in filter(None, scopes.split(","))]

    def _query(self) -> dict[str, str]:
        return {name: self.get_query_argument(name) for name in self.request.query_arguments}

    def _show_error(self, refused: ConsentRefused) -> None:
        self.set_status(400)
        self.render("consent/refused.html", code=str(refused))
