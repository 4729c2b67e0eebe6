"""Deletions and revocations: exactly what is named, and nothing installed later."""

import pytest

from latchkey.storage import Store
from tests.storage.conformance.installations.models import count_records, find, find_bot, installation, user_only


def test_delete_all_deletes_the_workspace_and_no_other(store: Store) -> None:
    for user_id in ("U1", "U2"):
        store.installations.save(installation(user_id=user_id, user_token="xoxp"))
    store.installations.save(installation(team_id="T10"))
    store.installations.save(installation(team_id="T1", enterprise_id="E1"))
    store.installations.delete_all(enterprise_id=None, team_id="T1")
    assert find(store) is None
    assert find_bot(store) is None
    assert find(store, user_id="U2") is None
    assert find(store, "T10") is not None
    assert find(store, enterprise_id="E1") is not None
    assert count_records(store) == 6


@pytest.fixture
def org(store: Store) -> Store:
    """A store with only an org-wide installation, of E1."""
    store.installations.save(
        installation(team_id=None, enterprise_id="E1", user_token="xoxp-org", is_enterprise_install=True)
    )
    return store


@pytest.mark.parametrize("team_id", ["T7", "E1"])
@pytest.mark.parametrize("user_id", ["U1", None])
def test_deleting_a_workspace_never_deletes_the_orgs_installation(
    org: Store, team_id: str, user_id: str | None
) -> None:
    ids = {"enterprise_id": "E1", "team_id": team_id}
    org.installations.delete_bot(**ids)
    org.installations.delete_installation(**ids, user_id=user_id)
    org.installations.delete_all(**ids)
    assert count_records(org) == 3
    assert find(org, None, enterprise_id="E1", is_enterprise_install=True, user_id="U1") is not None


def test_deleting_an_org_deletes_only_its_own_installation(org: Store) -> None:
    org.installations.save(installation(team_id="T7", enterprise_id="E1"))
    org.installations.save(installation(team_id=None, enterprise_id="E2", is_enterprise_install=True))
    org.installations.delete_all(enterprise_id="E1", team_id=None)
    assert find(org, None, enterprise_id="E1", is_enterprise_install=True) is None
    assert find(org, "T7", enterprise_id="E1") is not None
    assert find(org, None, enterprise_id="E2", is_enterprise_install=True) is not None


@pytest.mark.parametrize("user_token", [None, "xoxp-1"])
def test_delete_bot_keeps_the_installer(store: Store, user_token: str | None) -> None:
    store.installations.save(installation(user_token=user_token))
    store.installations.delete_bot(enterprise_id=None, team_id="T1")
    assert find_bot(store) is None
    for found in (find(store), find(store, user_id="U1")):
        assert found is not None
        assert (found.user_id, found.user_token, found.bot_token) == ("U1", user_token, None)


def test_deleting_a_workspace_with_its_own_installation_keeps_the_orgs(store: Store) -> None:
    store.installations.save(installation(team_id=None, enterprise_id="E1", is_enterprise_install=True))
    store.installations.save(installation(team_id="T7", enterprise_id="E1"))
    store.installations.delete_all(enterprise_id="E1", team_id="T7")
    assert find_bot(store, "T7", enterprise_id="E1") is None
    assert find_bot(store, None, enterprise_id="E1", is_enterprise_install=True) is not None


def test_deleting_a_workspace_keeps_one_whose_id_begins_with_its_id(store: Store) -> None:
    store.installations.save(installation(team_id="T70", enterprise_id="E1"))
    store.installations.delete_all(enterprise_id="E1", team_id="T7")
    assert find(store, "T70", enterprise_id="E1") is not None


def test_deleting_the_latest_installer_makes_the_previous_one_the_latest(store: Store) -> None:
    for second, user_id in enumerate(("U1", "U2", "U3")):
        store.installations.save(installation(user_id=user_id, user_token="x", installed_at=1_700_000_000.0 + second))
    store.installations.delete_installation(enterprise_id=None, team_id="T1", user_id="U3")
    latest = find(store)
    assert latest is not None
    assert latest.user_id == "U2"
    assert find_bot(store) is not None


def test_deleting_all_users_keeps_the_bot(store: Store) -> None:
    store.installations.save(installation(user_token="x"))
    store.installations.delete_installation(enterprise_id=None, team_id="T1")
    assert find(store) is None
    assert find_bot(store) is not None


def test_deleting_an_absent_installation_does_nothing(store: Store) -> None:
    store.installations.delete_all(enterprise_id="E", team_id="T")
    store.installations.delete_bot(enterprise_id=None, team_id="T")
    store.installations.delete_installation(enterprise_id=None, team_id="T", user_id="U")


def test_an_uninstall_removes_everything_and_may_be_applied_twice(store: Store) -> None:
    store.installations.save(installation(user_token="x"))
    store.installations.save(user_only())
    removed = store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_000)
    assert removed == 4
    assert count_records(store) == 0
    assert store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_000) == 0


def test_keeps_what_was_installed_after_the_event(store: Store) -> None:
    store.installations.save(installation(installed_at=1_700_000_100.2))
    for values in ({"everything": True}, {"bot": True}, {"user_ids": ("U1",)}):
        assert store.installations.remove_revoked(None, "T1", event_time=1_700_000_099, **values) == 0
    assert find(store) is not None
    assert store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_100) == 3


def test_a_late_uninstall_keeps_only_newer_installations(store: Store) -> None:
    store.installations.save(installation(user_id="U1", user_token="old", installed_at=1_700_000_000.0))
    store.installations.save(installation(user_id="U2", bot_token="xoxb-new", installed_at=1_700_000_500.0))
    store.installations.remove_revoked(None, "T1", everything=True, event_time=1_700_000_400)
    found = find(store)
    assert found is not None
    assert (found.user_id, found.bot_token) == ("U2", "xoxb-new")
    assert find(store, user_id="U1") is None


def test_revoking_a_user_token_keeps_the_bot_and_its_installer(store: Store) -> None:
    store.installations.save(installation(user_token="xoxp-1"))
    store.installations.remove_revoked(None, "T1", user_ids=("U1",), event_time=1_700_000_001)
    found = find(store)
    assert found is not None
    assert (found.user_token, found.bot_token) == (None, "xoxb-T1-U1")


def test_revoking_both_tokens_in_either_order_removes_everything(store: Store) -> None:
    for order in ({"bot": True}, {"user_ids": ("U1",)}), ({"user_ids": ("U1",)}, {"bot": True}):
        store.installations.save(installation(user_token="xoxp-1"))
        for values in order:
            store.installations.remove_revoked(None, "T1", event_time=1_700_000_001, **values)
        assert count_records(store) == 0


def test_revoking_the_bot_keeps_users_with_their_own_token(store: Store) -> None:
    store.installations.save(installation(user_id="U1"))
    store.installations.save(user_only("U2"))
    store.installations.remove_revoked(None, "T1", bot=True, event_time=1_700_000_001)
    found = find(store)
    assert found is not None
    assert (found.user_id, found.bot_token, found.user_token) == ("U2", None, "xoxp-U2")
    assert find(store, user_id="U1") is None


def test_a_revocation_without_an_enterprise_id_finds_the_workspace_by_its_team_id(org: Store) -> None:
    org.installations.save(installation(team_id="T7", enterprise_id="E1"))
    assert org.installations.remove_revoked(None, "T7", everything=True) == 3
    assert find(org, "T7", enterprise_id="E1") is None
    assert count_records(org) == 3


def test_a_revocation_does_not_guess_between_two_orgs(store: Store) -> None:
    for enterprise_id in ("E1", "E2"):
        store.installations.save(installation(team_id="T7", enterprise_id=enterprise_id))
    assert store.installations.remove_revoked(None, "T7", everything=True) == 0
    assert store.installations.remove_revoked("E2", "T7", everything=True) == 3
    assert find(store, "T7", enterprise_id="E1") is not None


@pytest.mark.parametrize("enterprise_id", ["E1", None])
def test_a_revocation_that_finds_only_an_org_wide_installation_names_it_in_the_log(
    org: Store, caplog: pytest.LogCaptureFixture, enterprise_id: str | None
) -> None:
    org.installations.save(installation(team_id="T1"))
    assert org.installations.remove_revoked(enterprise_id, "T7", everything=True) == 0
    assert "team T7, which has no installation of its own; org-wide installations are kept: E1;" in caplog.text
    caplog.clear()
    assert org.installations.remove_revoked("E2", "T7", everything=True) == 0
    assert org.installations.remove_revoked(None, "T1", everything=True) == 3
    assert not caplog.records


def test_a_revocation_for_an_org_that_it_does_not_name_removes_nothing(org: Store) -> None:
    org.installations.save(installation(team_id="T1"))
    before = count_records(org)
    assert org.installations.remove_revoked(None, "T1", is_enterprise_install=True, everything=True) == 0
    assert org.installations.remove_revoked("E1", None, everything=True) == 0
    assert count_records(org) == before
