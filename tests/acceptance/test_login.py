# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One hub, deployed again with one method of logging in after another: who gets in, who does not, and who is an admin (molecule/auth has the hub).

Carol is listed with every method that has a list; her work is there from the first to the last of them.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
import urllib.parse
import uuid

import oauthlib.oauth1
import pytest

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, LoginRefused, forms, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.guides import blocks
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays, lives, login, restarted

BASE = "dc=example,dc=org"
ADMIN_PASSWORD = "the first password of the admins"


class Providers:
    """Those who know the people, as molecule/auth has started them."""

    def __init__(self, told: pathlib.Path) -> None:
        self.directory = told.parent
        self.told: dict[str, t.Any] = json.loads(told.read_text())
        self.people: dict[str, dict[str, t.Any]] = {one["name"]: one for one in json.loads((self.directory / "people.json").read_text())}

    def put(self, name: str, groups: list[str]) -> None:
        """Say at the OpenID provider which groups somebody is in."""
        people = [{**one, "groups": groups} if one["name"] == name else one for one in self.people.values()]
        # In one step, as the provider may be reading.
        fresh = self.directory / "people.new"
        fresh.write_text(json.dumps(people))
        fresh.replace(self.directory / "people.json")

    def member(self, action: str, name: str, group: str) -> None:
        """Add somebody to a group of the directory, or delete."""
        change = f"dn: cn={group},ou=groups,{BASE}\nchangetype: modify\n{action}: member\nmember: {self.people[name]['dn']},ou=people,{BASE}\n"
        container = self.told["ldap"]["container"]
        run("docker", "exec", "--interactive", container, "ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi://%2Frun%2Fldapi", given=change)

    def ldap(self, tls_strategy: str, **options: t.Any) -> dict[str, t.Any]:
        """Return jupyterhub_auth for the directory."""
        told = self.told["ldap"]
        server = {"server_address": told["address"], "server_port": told["ports"][tls_strategy == "on_connect"], "tls_strategy": tls_strategy}
        return {"method": "ldap", "ca_file": str(self.directory / "certificate.pem"), "ldap": {**server, **options}}


@pytest.fixture(scope="module")
def providers(settings: Settings) -> Providers:
    return Providers(pathlib.Path(settings.need("--login-providers")))


@pytest.fixture(scope="module")
def enter(settings: Settings, providers: Providers, plays: Plays) -> t.Callable[..., HubClient]:
    """Log in at the OpenID provider, which is the first method, whatever an earlier run left."""
    plays.deploy()

    def enter(name: str, password: str | None = None) -> HubClient:
        client = settings.client()
        client.login_oauth({"login": name, "password": providers.people[name]["password"] if password is None else password})
        return client

    return enter


class Work:
    """A kernel that remembers something; its owner comes back to it without logging in again."""

    def __init__(self, client: HubClient) -> None:
        self.memory = uuid.uuid4().hex
        self._client = client
        with client.kernel() as kernel:
            kernel.execute(f"memory = {self.memory!r}", timeout=300)
            self._id = kernel.id

    @property
    def there(self) -> bool:
        with self._client.kernel(self._id) as kernel:
            return kernel.execute("print(memory)", timeout=300) == self.memory


@pytest.fixture(scope="module")
def work(enter: t.Callable[..., HubClient]) -> Work:
    """Carol's."""
    carol = enter("carol")
    carol.start_server()
    return Work(carol)


def deploy(plays: Plays, work: Work, **changes: t.Any) -> None:
    """Deploy the hub with another method: nobody's server restarts, nor proxy or edge. Guard and firewall run from the hub's image."""
    before = lives(plays.name)
    plays.deploy(config={}, **changes)
    assert {"hub"} <= restarted(before, lives(plays.name)) <= {"hub", "guard", "firewall"}
    assert work.there


def refused(client: HubClient, name: str, password: str) -> bool:
    """Whether this person is not let in."""
    with pytest.raises(LoginRefused):
        client.login(name, password)
    # Nor by what the browser was left with.
    return client.session.get(f"{client.url}/hub/api/user", timeout=30).status_code == 403


def me(client: HubClient) -> dict[str, t.Any]:
    found: dict[str, t.Any] = client.api("GET", "user").json()
    return found


def admin_page(client: HubClient) -> int:
    return client.session.get(f"{client.url}/hub/admin", timeout=30).status_code


# ---- Any OpenID provider


def test_oidc_lets_members_in_and_says_who_is_an_admin(enter: t.Callable[..., HubClient]) -> None:
    """S1 1.15, S2 2.5, 2.12, 2.14: names, groups and admins are what the provider says; who is listed comes in besides."""
    ada, ben, carol = (me(enter(name)) for name in ("ada", "ben", "carol"))
    assert [person["name"] for person in (ada, ben, carol)] == ["ada", "ben", "carol"]
    assert [person["admin"] for person in (ada, ben, carol)] == [True, False, False]
    assert [sorted(person["groups"]) for person in (ada, ben, carol)] == [["staff", "students"], ["students"], []]
    assert [admin_page(enter(name)) for name in ("ada", "ben")] == [200, 403]


def test_oidc_admin_reaches_the_servers_of_others(enter: t.Callable[..., HubClient], work: Work) -> None:
    """S2 2.14, S3 3.24: an admin opens anybody's server, nobody else does."""
    assert work.there
    found = {}
    for name in ("ada", "ben"):
        client = enter(name)
        page = client.session.get(f"{client.url}/user/carol/", timeout=30)
        # An admin is asked whether it is meant.
        for form in [form for form in forms(page.text) if "scopes" in form.fields]:
            client.session.post(urllib.parse.urljoin(page.url, form.action), data=form.fields, timeout=30)
        found[name] = client.session.get(f"{client.url}/user/carol/api/status", timeout=30).status_code
    assert found == {"ada": 200, "ben": 403}


@pytest.mark.parametrize("who", ["eve", "mallory"])
def test_oidc_keeps_out_who_is_in_no_group_or_blocked(enter: t.Callable[..., HubClient], who: str) -> None:
    """S2 2.12: the provider knows both, and Mallory is in a group that is let in; allow_all was not said."""
    with pytest.raises(LoginRefused) as caught:
        enter(who)
    assert caught.value.status == 403


def test_oidc_password_is_the_providers_business(enter: t.Callable[..., HubClient], providers: Providers) -> None:
    with pytest.raises(LoginRefused, match=re.escape(providers.told["oidc"]["url"])):
        enter("ben", "another password")


def test_oidc_sends_people_there_and_back(settings: Settings, providers: Providers) -> None:
    """S2 2.11: to the provider without a button, back to what was asked for, and out."""
    client = settings.client()
    page = client.session.get(f"{client.url}/hub/token", timeout=30)
    provider = providers.told["oidc"]["url"]
    assert page.url.startswith(f"{provider}/interaction/")
    (asked,) = [urllib.parse.parse_qs(urllib.parse.urlsplit(step.url).query) for step in page.history if step.url.startswith(f"{provider}/auth?")]
    assert asked["redirect_uri"] == [f"{client.url}/hub/oauth_callback"]
    assert (asked["code_challenge_method"], asked["scope"]) == (["S256"], ["openid profile groups"])
    data = {"login": "ben", "password": providers.people["ben"]["password"]}
    page = client.session.post(page.url, data=data, timeout=30)
    assert page.url == f"{client.url}/hub/token"
    out = client.session.get(f"{client.url}/hub/logout", timeout=30, allow_redirects=False)
    assert out.headers["Location"].startswith(provider)
    assert client.session.get(f"{client.url}/hub/api/user", timeout=30).status_code == 403


def test_oidc_tokens_are_refreshed_and_groups_with_them(enter: t.Callable[..., HubClient], providers: Providers) -> None:
    """With enable_auth_state the hub asks again while people work, with new tokens when the old ones have expired."""
    ada = enter("ada")
    granted = providers.directory / "granted"
    before = granted.read_text().count("refresh_token")
    providers.put("ada", ["students", "others"])
    until(lambda: sorted(me(ada)["groups"]) == ["others", "students"], 20, "Ada's groups")
    assert me(ada)["admin"] is False, "who leaves a group of admins is none any more, without a new login"
    until(lambda: me(ada) and granted.read_text().count("refresh_token") > before, 30, "another token")
    providers.put("ada", ["staff"])
    until(lambda: me(ada)["admin"], 20, "Ada an admin again")


def test_oidc_keeps_out_who_left_the_group(enter: t.Callable[..., HubClient], providers: Providers) -> None:
    """Ben was in before; the hub remembers him, and does not let him in for that."""
    providers.put("ben", ["others"])
    with pytest.raises(LoginRefused):
        enter("ben")
    providers.put("ben", ["students"])
    assert me(enter("ben"))["groups"] == ["students"]


def test_no_secret_of_the_provider_is_anywhere(hub: Engine, settings: Settings) -> None:
    """S1 1.19, 1.20: the client secret is a file; nothing that the engine shows or that is logged has it."""
    secret = pathlib.Path(settings.need("--hub-secrets-dir"), "oauth_client_secret")
    assert secret.stat().st_mode & 0o777 == 0o600
    shown = json.dumps(hub.inspect()) + hub.logs()
    for word in (secret.read_text().strip(), "ben's password"):
        assert word not in shown and json.dumps(word)[1:-1] not in shown


# ---- A directory


@pytest.fixture(scope="module")
def template(plays: Plays, work: Work, providers: Providers) -> None:
    groups = {"allowed_groups": [f"cn=students,ou=groups,{BASE}"], "admin_groups": [f"cn=staff,ou=groups,{BASE}"], "manage_groups": True}
    auth = providers.ldap("before_bind", bind_dn_template=[f"uid={{username}},ou=people,{BASE}"])
    deploy(plays, work, auth={**auth, **groups, "blocked_users": ["mallory"]})


@pytest.mark.usefixtures("template")
def test_ldap_lets_members_in_and_says_who_is_an_admin(settings: Settings, providers: Providers) -> None:
    """StartTLS, names in distinguished names, groups that let in, make admins, and are the hub's."""
    found = {name: me(login(settings, name, providers.people[name]["password"])) for name in ("ada", "ben", "carol")}
    assert {name: (person["admin"], sorted(person["groups"])) for name, person in found.items()} == {
        "ada": (True, ["staff", "students"]),
        "ben": (False, ["students"]),
        "carol": (False, []),
    }


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("who", ["eve", "mallory", "fay"])
def test_ldap_keeps_strangers_out(settings: Settings, providers: Providers, who: str) -> None:
    assert refused(settings.client(), who, providers.people[who]["password"])


@pytest.mark.usefixtures("template")
@pytest.mark.parametrize("password", ["another password", " ", "*"])
def test_ldap_keeps_wrong_passwords_out(settings: Settings, password: str) -> None:
    """A directory takes an empty password for nobody's, and says yes."""
    assert refused(settings.client(), "ben", password)


@pytest.mark.usefixtures("template")
def test_ldap_keeps_out_who_left_the_group(settings: Settings, providers: Providers) -> None:
    providers.member("delete", "ben", "students")
    assert refused(settings.client(), "ben", providers.people["ben"]["password"])
    providers.member("add", "ben", "students")
    assert me(login(settings, "ben", providers.people["ben"]["password"]))["groups"] == ["students"]


@pytest.mark.usefixtures("template")
def test_ldap_makes_no_admin_of_who_left_the_admins(settings: Settings, providers: Providers) -> None:
    providers.member("add", "ben", "staff")
    assert me(login(settings, "ben", providers.people["ben"]["password"]))["admin"] is True
    providers.member("delete", "ben", "staff")
    assert me(login(settings, "ben", providers.people["ben"]["password"]))["admin"] is False


def looked_up(providers: Providers, **options: t.Any) -> dict[str, t.Any]:
    """Return jupyterhub_auth for a directory in which people are looked up."""
    reader = {"lookup_dn_search_user": f"cn=reader,{BASE}", "lookup_dn_search_password": providers.told["ldap"]["password"]}
    people = {"user_search_base": f"ou=people,{BASE}", "user_attribute": "uid", "lookup_dn_user_dn_attribute": "cn"}
    return providers.ldap("on_connect", lookup_dn=True, **reader, **people, **options)


@pytest.fixture(scope="module")
def lookup(plays: Plays, work: Work, providers: Providers) -> None:
    auth = looked_up(providers, search_filter="(&(cn={username})(!(sn=ben)))", group_search_filter="(member={userdn})")
    auth["allowed_groups"] = [f"cn=others,ou=groups,{BASE}"]
    deploy(plays, work, auth=auth, users=[{"name": "ada", "admin": True}, {"name": "ben"}, {"name": "carol"}])


@pytest.mark.usefixtures("lookup")
def test_ldap_looks_people_up(settings: Settings, providers: Providers) -> None:
    """LDAPS; Fay's name is no part of her distinguished name, and a group lets her in; a filter keeps Ben out although he is listed."""
    assert me(login(settings, "fay", providers.people["fay"]["password"]))["name"] == "fay"
    assert me(login(settings, "ada", providers.people["ada"]["password"]))["admin"] is True
    assert refused(settings.client(), "fay", "another password")
    assert refused(settings.client(), "ben", providers.people["ben"]["password"])
    assert refused(settings.client(), "mallory", providers.people["mallory"]["password"])


def test_ldap_of_an_unknown_authority_is_not_told_passwords(settings: Settings, plays: Plays, work: Work, providers: Providers) -> None:
    auth = looked_up(providers)
    del auth["ca_file"]
    deploy(plays, work, auth=auth)
    client = settings.client()
    with pytest.raises(HubError) as caught:
        client.login("fay", providers.people["fay"]["password"])
    assert caught.value.status == 500
    assert client.session.get(f"{client.url}/hub/api/user", timeout=30).status_code == 403


# ---- A list of passwords


class Passwords:
    """The file that jupyterhub_auth.password_file names, made of a user_list.txt as the guide says."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.path = directory / "passwords"
        (self._command,) = [block for block in blocks("authentication.md") if "<user_list.txt >passwords" in block]

    def write(self, *names: str) -> None:
        (self.path.parent / "user_list.txt").write_text("".join(f"{name}:{self.of(name)}\n" for name in names))
        run("bash", "-c", f"cd {self.path.parent} && {self._command}")

    @staticmethod
    def of(name: str) -> str:
        return f"{name}'s own: $password"


@pytest.fixture(scope="module")
def passwords(plays: Plays, work: Work, tmp_path_factory: pytest.TempPathFactory) -> Passwords:
    found = Passwords(tmp_path_factory.mktemp("pam"))
    found.write("ada", "ben", "carol", "gus", "mallory")
    auth = {"method": "pam", "password_file": str(found.path), "blocked_users": ["mallory"]}
    deploy(plays, work, auth=auth, users=[{"name": "ada", "admin": True}, {"name": "ben"}, {"name": "carol"}])
    return found


def test_pam_lets_listed_people_in(settings: Settings, passwords: Passwords) -> None:
    """S1 1.15, 1.16, 1.21: PAM by a variable, people of a list with passwords, admins by name."""
    assert me(login(settings, "ada", passwords.of("ada")))["admin"] is True
    assert me(login(settings, "ben", passwords.of("ben")))["admin"] is False
    assert refused(settings.client(), "ben", passwords.of("ada"))
    assert refused(settings.client(), "ben", "")


@pytest.mark.parametrize("who", ["gus", "mallory", "root", "nobody"])
def test_pam_keeps_out_who_is_in_one_list_only(settings: Settings, passwords: Passwords, who: str) -> None:
    """Gus has a password and is not in the list of people; the image's own accounts are nobody's."""
    assert refused(settings.client(), who, passwords.of(who))


def test_pam_hashes_are_a_secret_of_a_hub_that_is_not_root(hub: Engine, settings: Settings, passwords: Passwords) -> None:
    """S1 1.17."""
    look = "import json, os; print(json.dumps([os.getuid(), os.stat('/etc/jupyterhub/secrets/pam_passwords').st_mode]))"
    identity, mode = json.loads(hub.python("hub", look))
    assert identity != 0
    assert mode & 0o007 == 0
    assert pathlib.Path(settings.need("--hub-secrets-dir"), "pam_passwords").stat().st_mode & 0o777 == 0o600
    shown = json.dumps(hub.inspect()) + hub.logs()
    for line in passwords.path.read_text().splitlines():
        assert line.partition(":")[2] not in shown


def test_pam_people_come_and_go_with_a_run(settings: Settings, plays: Plays, name: str, passwords: Passwords, work: Work) -> None:
    """S1 1.16, 1.18: nothing restarts. Whom an admin let in by hand is there after the run."""
    login(settings, "ada", passwords.of("ada")).api("POST", "users/gus")
    assert me(login(settings, "gus", passwords.of("gus")))["name"] == "gus"
    ben = login(settings, "ben", passwords.of("ben"))
    before = lives(name)
    passwords.write("ada", "carol", "gus", "hal")
    plays.deploy(users=[{"name": "ada", "admin": True}, {"name": "carol"}, {"name": "hal"}])
    assert restarted(before, lives(name)) == set()
    assert work.there
    assert me(login(settings, "hal", passwords.of("hal")))["name"] == "hal"
    assert me(login(settings, "gus", passwords.of("gus")))["name"] == "gus"
    assert refused(settings.client(), "ben", passwords.of("ben"))
    assert ben.session.get(f"{ben.url}/hub/api/user", timeout=30).status_code == 403
    assert plays.deploy() == 0


def test_pam_allow_all_lets_in_who_has_a_password(settings: Settings, plays: Plays, passwords: Passwords, work: Work) -> None:
    """Only because it is said, and nobody else."""
    passwords.write("ada", "carol", "ivy", "mallory")
    deploy(plays, work, auth={**plays.variables["jupyterhub_auth"], "allow_all": True})
    assert me(login(settings, "ivy", passwords.of("ivy")))["admin"] is False
    for name in ("gus", "mallory", "nobody"):
        assert refused(settings.client(), name, passwords.of(name))


# ---- People sign up


def sign_up(settings: Settings, name: str, password: str) -> str:
    """Fill in the form; return the page that answers."""
    client = settings.client()
    page = client.session.get(f"{client.url}/hub/signup", timeout=30)
    assert page.status_code == 200, page.text
    (form,) = [form for form in forms(page.text) if "signup_password" in form.fields]
    data = {**form.fields, "username": name, "signup_password": password, "signup_password_confirmation": password}
    return client.session.post(urllib.parse.urljoin(page.url, form.action), data=data, timeout=30).text


NATIVE = {"method": "native", "min_password_length": 12, "admin_password": ADMIN_PASSWORD}
LIMITS = {"allowed_failed_logins": 3, "seconds_before_next_try": 600}


@pytest.fixture(scope="module")
def approval(plays: Plays, work: Work) -> None:
    users = [{"name": "ada", "admin": True}, {"name": "carol"}, {"name": "jo"}]
    deploy(plays, work, auth={**NATIVE, "native": {"signup": "approval", **LIMITS}}, users=users)


@pytest.mark.usefixtures("approval")
def test_native_first_admin_is_there_and_nobody_else_becomes_it(settings: Settings) -> None:
    sign_up(settings, "ada", "a password of a thief")
    assert refused(settings.client(), "ada", "a password of a thief")
    assert me(login(settings, "ada", ADMIN_PASSWORD))["admin"] is True


@pytest.mark.usefixtures("approval")
def test_native_newcomers_wait_for_an_admin(settings: Settings) -> None:
    password = "kim's long password"
    # The first is too short, and leaves the name free.
    for chosen in ("short", password):
        sign_up(settings, "kim", chosen)
    assert refused(settings.client(), "kim", password)
    ada = login(settings, "ada", ADMIN_PASSWORD)
    page = f"{ada.url}/hub/authorize"
    assert "kim" in ada.session.get(page, timeout=30).text
    # A link in a mail, then the button on the page.
    assert ada.session.get(f"{page}/kim", headers={"Sec-Fetch-Site": "cross-site"}, timeout=30).status_code == 403
    assert refused(settings.client(), "kim", password)
    assert ada.session.get(f"{page}/kim", headers={"Sec-Fetch-Site": "same-origin"}, timeout=30).status_code == 200
    kim = login(settings, "kim", password)
    assert me(kim)["admin"] is False
    assert kim.session.get(page, timeout=30).status_code == 403


@pytest.mark.usefixtures("approval")
def test_native_listed_people_do_not_wait(settings: Settings) -> None:
    sign_up(settings, "jo", "jo's long password")
    assert me(login(settings, "jo", "jo's long password"))["name"] == "jo"


@pytest.mark.usefixtures("approval")
def test_native_locks_a_name_after_wrong_passwords(settings: Settings) -> None:
    for _time in range(3):
        assert refused(settings.client(), "jo", "another long password")
    assert refused(settings.client(), "jo", "jo's long password")


def test_native_signup_is_open_or_closed(settings: Settings, plays: Plays, work: Work) -> None:
    deploy(plays, work, auth={**NATIVE, "native": {"signup": "open", **LIMITS}})
    sign_up(settings, "lea", "lea's long password")
    assert me(login(settings, "lea", "lea's long password"))["admin"] is False
    deploy(plays, work, auth={**NATIVE, "native": {"signup": "closed", **LIMITS}})
    client = settings.client()
    assert client.session.get(f"{client.url}/hub/signup", timeout=30).status_code == 404
    assert me(login(settings, "lea", "lea's long password"))["name"] == "lea"


# ---- Further methods


def test_firstuse_keeps_the_first_password_of_listed_people(settings: Settings, plays: Plays, work: Work) -> None:
    deploy(plays, work, auth={"method": "firstuse", "min_password_length": 12})
    assert refused(settings.client(), "jo", "short")
    assert refused(settings.client(), "stranger", "the stranger's password")
    assert me(login(settings, "jo", "jo's first password"))["name"] == "jo"
    assert refused(settings.client(), "jo", "jo's second password")
    # Nobody has chosen the password of somebody who is let in later.
    login(settings, "ada", "ada's first password").api("POST", "users/stranger")
    assert me(login(settings, "stranger", "another password of a stranger"))["name"] == "stranger"


def test_custom_class_with_its_traits_and_secrets(settings: Settings, plays: Plays, work: Work) -> None:
    """S3 3.16, 3.28: any class, with Python of one's own and secrets in it."""
    password = "one for all: '\"#$%"
    lines = [f'c.SharedPasswordAuthenticator.{who}_password = secret("{who}")' for who in ("user", "admin")]
    changes = {
        "auth": {"method": "custom", "custom_class": "jupyterhub.authenticators.shared.SharedPasswordAuthenticator"},
        "extra_secrets": {"user": password, "admin": password * 3},
        "extra_config": {"10-passwords": "\n".join(lines)},
    }
    deploy(plays, work, **changes)
    assert me(login(settings, "ada", password * 3))["admin"] is True
    assert me(login(settings, "jo", password))["admin"] is False
    assert refused(settings.client(), "jo", "another password")
    assert refused(settings.client(), "nobody", password)
    plays.variables |= {"jupyterhub_extra_secrets": {}, "jupyterhub_extra_config": {}}


# ---- A learning platform


def launch(settings: Settings, user: str, secret: str, **changes: str) -> tuple[HubClient, dict[str, str]]:
    """Open the hub from a course, as a platform has the browser do it (LTI 1.1: a form that is signed with OAuth 1); return the form, too."""
    client = settings.client()
    url = f"{client.url}/hub/lti/launch"
    kind = {"lti_message_type": "basic-lti-launch-request", "lti_version": "LTI-1p0", "resource_link_id": "17", "context_id": "course"}
    signer = oauthlib.oauth1.Client("moodle", client_secret=secret, signature_type=oauthlib.oauth1.SIGNATURE_TYPE_BODY)
    header = {"Content-Type": "application/x-www-form-urlencoded"}
    _url, _headers, body = signer.sign(url, "POST", {**kind, "user_id": user, "roles": "Learner"}, header)
    form = {**dict(urllib.parse.parse_qsl(body)), **changes}
    client.session.post(url, data=form, timeout=60, allow_redirects=False)
    return client, form


def whoami(client: HubClient) -> int:
    return client.session.get(f"{client.url}/hub/api/user", timeout=30).status_code


def test_lti_lets_in_whom_the_platform_sends(settings: Settings, plays: Plays, work: Work, hub: Engine) -> None:
    """Signed with the shared secret, for the address that people see, once; the secret is nowhere but in its file."""
    secret = uuid.uuid4().hex
    deploy(plays, work, auth={"method": "lti", "allow_all": True, "lti": {"version": "1.1", "consumers": {"moodle": secret}}})
    nia, form = launch(settings, "nia", secret)
    assert (me(nia)["name"], me(nia)["admin"]) == ("nia", False)
    again = settings.client()
    again.session.post(f"{again.url}/hub/lti/launch", data=form, timeout=60, allow_redirects=False)
    assert whoami(again) == 403, "a launch that somebody has read counts once"
    assert whoami(launch(settings, "nia", "another secret")[0]) == 403
    assert whoami(launch(settings, "nia", secret, user_id="ada")[0]) == 403, "what is signed is not changed on the way"
    assert secret not in json.dumps(hub.inspect()) + hub.logs()


def test_dummy_asks_for_no_password_and_still_for_a_name(settings: Settings, plays: Plays, work: Work) -> None:
    """S2 2.7: for tests, on a loopback address or with an acknowledgement."""
    deploy(plays, work, auth={"method": "dummy", "acknowledge_insecure": True})
    assert me(login(settings, "jo", "anything"))["name"] == "jo"
    assert refused(settings.client(), "nobody", "anything")


def test_tmp_gives_everybody_a_server_at_once_and_keeps_nothing(settings: Settings, plays: Plays, name: str) -> None:
    """S3 3.6, 3.9, 3.34: a new person and a server for each browser, no admin panel, no volume."""
    plays.deploy(auth={"method": "tmp"}, users=[], storage={"type": "none"})
    visitors = [come(settings), come(settings)]
    names = {visitor.username for visitor in visitors}
    assert len(names) == 2
    with visitors[0].kernel() as kernel:
        assert kernel.execute("6 * 7") == "42"
    for visitor in visitors:
        assert me(visitor)["admin"] is False
        assert admin_page(visitor) == 403
    volumes = run("docker", "volume", "ls", "--quiet", "--filter", f"label=vdsg.jupyterhub.name={name}").split()
    assert not [volume for volume in volumes for visitor in names if visitor in volume]
    for visitor in visitors:
        visitor.stop_server()
    assert plays.deploy() == 0


def come(settings: Settings) -> HubClient:
    """Open the hub's address, and do nothing else."""
    client = settings.client()
    page = client.session.get(f"{client.url}/", timeout=60)
    assert urllib.parse.urlsplit(page.url).path.startswith(("/hub/spawn-pending/", "/user/")), page.url
    client.username = me(client)["name"]
    client.open_server()
    return client
