"""Settings: where they come from, which are refused, and that no key is shown."""

import os
import stat
from dataclasses import fields
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from mcp_server.errors import SettingsError
from mcp_server.meraki.client import HttpLimits
from mcp_server.meraki.retry import RetryWaits
from mcp_server.settings import SETTINGS, Settings, load, open_home

KEY = "canary-key-0123456789"


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    """A settings file of that mode."""
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


@pytest.fixture(autouse=True)
def no_own_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The data directory of whoever runs the tests is not read."""
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_names, **_more: tmp_path / "platform")


def test_the_table_and_the_settings_have_the_same_names_and_defaults(tmp_path: Path) -> None:
    """One table is the truth; the typed fields follow it."""
    assert sorted(setting.name for setting in SETTINGS) == sorted(item.name for item in fields(Settings))
    bare = Settings(home=tmp_path)
    differing = [s.name for s in SETTINGS if s.name != "home" and getattr(bare, s.name) != s.default]
    assert differing == []


def test_every_setting_says_what_it_is_for_and_what_is_allowed() -> None:
    """The reference page is made of this."""
    for setting in SETTINGS:
        assert setting.meaning.endswith(".")
        assert setting.allowed
        assert setting.env.startswith("MERAKI_")
    assert len({setting.env for setting in SETTINGS}) == len(SETTINGS)


def test_every_default_that_is_a_value_is_itself_allowed() -> None:
    """A default that could not be set would be a trap."""
    for setting in SETTINGS:
        if setting.default not in (None, ""):
            assert setting.kind.parse(setting.default) == setting.default


def test_nothing_set_gives_the_defaults(tmp_path: Path) -> None:
    """And no key, with which the server still starts."""
    settings = load({})
    assert settings == Settings(home=tmp_path / "platform")
    assert settings.secret_values == frozenset()


def test_retry_and_http_settings_are_those_of_the_client() -> None:
    """The defaults of the settings are the client's, and no name is missing."""
    settings = load({})
    assert RetryWaits(**settings.group("retry")) == RetryWaits()
    assert HttpLimits(**settings.group("http")) == HttpLimits()


def test_the_command_line_counts_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    """In this order."""
    path = written(tmp_path / "c.toml", 'locale = "pt-BR"\nread_only = true\nquestion_s = 60\n')
    environ = {"MERAKI_SPECIALIST_READ_ONLY": "no", "MERAKI_SPECIALIST_QUESTION_S": "90"}
    settings = load(environ, path, {"question_s": 120, "locale": None})
    assert (settings.locale, settings.read_only, settings.question_s) == ("pt-BR", False, 120.0)


def test_the_file_of_the_data_directory_is_read(tmp_path: Path) -> None:
    """config.toml, when it is there."""
    written(tmp_path / "config.toml", 'families = ["admins", "saml"]\norganizations = "1, 2"\n')
    settings = load({"MERAKI_SPECIALIST_HOME": str(tmp_path)})
    assert settings.families == {"admins", "saml"}
    assert settings.organizations == {"1", "2"}


def test_a_named_file_is_read_instead_and_must_be_there(tmp_path: Path) -> None:
    """A wrong name is not passed over."""
    written(tmp_path / "config.toml", "read_only = true\n")
    other = written(tmp_path / "other.toml", 'locale = "pt-BR"\n')
    environ = {"MERAKI_SPECIALIST_HOME": str(tmp_path), "MERAKI_SPECIALIST_CONFIG": str(other)}
    settings = load(environ)
    assert (settings.read_only, settings.locale) == (False, "pt-BR")
    with pytest.raises(SettingsError, match="MERAKI_SPECIALIST_CONFIG"):
        load({"MERAKI_SPECIALIST_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load({}, tmp_path / "none.toml")


def test_a_data_directory_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    """No traceback: the setting, the directory and why. A name that is too long is refused to every account."""
    home = tmp_path / ("x" * 300)
    with pytest.raises(
        SettingsError, match=r"^MERAKI_SPECIALIST_HOME: found /.*: File name too long; allowed: a directory"
    ):
        load({"MERAKI_SPECIALIST_HOME": str(home)})


def test_the_key_is_taken_from_either_name_and_trimmed() -> None:
    """The first name counts before its alias."""
    assert load({"MERAKI_API_KEY": f" {KEY}\n"}).api_key == KEY
    assert load({"MERAKI_API_KEY": "other-key-1", "MERAKI_DASHBOARD_API_KEY": KEY}).api_key == KEY


def test_an_empty_value_is_no_value() -> None:
    """Desktop clients send empty texts for fields left blank."""
    settings = load({"MERAKI_DASHBOARD_API_KEY": "", "MERAKI_API_KEY": KEY, "MERAKI_SPECIALIST_LOCALE": "  "})
    assert (settings.api_key, settings.locale) == (KEY, "en")


def test_secrets_for_plans_come_from_names_of_their_own() -> None:
    """MERAKI_SPECIALIST_SECRET_GUEST_PSK is ``{"$secret": "GUEST_PSK"}``."""
    settings = load({"MERAKI_SPECIALIST_SECRET_GUEST_PSK": "canary psk", "MERAKI_DASHBOARD_API_KEY": KEY})
    assert dict(settings.secrets) == {"GUEST_PSK": "canary psk"}
    assert settings.secret_values == {"canary psk", KEY}


def test_secrets_of_the_file_and_the_environment_are_both_there(tmp_path: Path) -> None:
    """The environment counts where both have one."""
    path = written(tmp_path / "c.toml", '[secrets]\nA = "file-a"\nB = "file-b"\n')
    assert dict(load({"MERAKI_SPECIALIST_SECRET_B": "env-b"}, path).secrets) == {"A": "file-a", "B": "env-b"}


def test_health_weights_come_as_a_table_or_as_pairs(tmp_path: Path) -> None:
    """Numbers by name."""
    assert dict(load({"MERAKI_SPECIALIST_HEALTH_WEIGHTS": "availability=40, uplinks=2.5"}).health_weights) == {
        "availability": 40.0, "uplinks": 2.5,
    }  # fmt: skip
    path = written(tmp_path / "c.toml", "[health_weights]\nalerts = 3\n")
    assert dict(load({}, path).health_weights) == {"alerts": 3.0}


@pytest.mark.parametrize("text", ["1", "true", "YES", " on "])
def test_each_form_of_yes_is_understood(text: str) -> None:
    """And of no below."""
    assert load({"MERAKI_SPECIALIST_READ_ONLY": text}).read_only
    assert load({}, None, {"read_only": True}).read_only


WRONG = {
    "MERAKI_SPECIALIST_READ_ONLY": ["maybe", "2"],
    "MERAKI_SPECIALIST_PROFILE": ["duo"],
    "MERAKI_SPECIALIST_LOCALE": ["pt", "de"],
    "MERAKI_SPECIALIST_ORGANIZATIONS": ["a", "1;2", "-1"],
    "MERAKI_SPECIALIST_FAMILIES": ["Admins!", "a b"],
    "MERAKI_SPECIALIST_QUESTION_S": ["abc", "nan", "inf", "-1", "0", "99999"],
    "MERAKI_SPECIALIST_RETRY_RATE_TRIES": ["0", "1.5", "x", "21"],
    "MERAKI_SPECIALIST_RETRY_JITTER": ["2", "-0.1"],
    "MERAKI_SPECIALIST_RATE_PER_S": ["11", "0"],
    "MERAKI_SPECIALIST_HEALTH_WEIGHTS": ["a", "a=b", "A=1", "a=-1", "a=nan", "=1"],
    "MERAKI_SPECIALIST_LOG_LEVEL": ["loud"],
    "MERAKI_SPECIALIST_CA_FILE": ["/nowhere/ca.pem"],
    "MERAKI_SPECIALIST_CONFIG": ["/nowhere/c.toml"],
    "MERAKI_DASHBOARD_API_KEY": ["short", "has a space in it", "caf\u00e9-0123456789", "x" * 500],
    "MERAKI_BASE_URL": [
        "http://api.meraki.com", "https://api.meraki.com.evil.test", "https://u:pw@api.meraki.com", "http://127.0.0.1:80",
        "x",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_names_the_setting_what_was_found_and_what_is_allowed(name: str, value: str) -> None:
    """Secrets only by their length."""
    with pytest.raises(SettingsError) as wrong:
        load({name: value})
    text = str(wrong.value)
    assert wrong.value.name == name
    assert "allowed: " in text
    assert len(text.partition("allowed: ")[2]) > 5
    assert (value in text) == (name != "MERAKI_DASHBOARD_API_KEY" and "@" not in value) or len(value) < 3
    assert wrong.value.__cause__ is None


@pytest.mark.parametrize("name", ["MERAKI_SPECIALIST_READONLY", "MERAKI_SPECIALIST_READ_ONLY_"])
def test_a_mistyped_name_is_refused_with_the_nearest_ones(name: str) -> None:
    """Read-only mode must not be off because of a typing error."""
    with pytest.raises(SettingsError, match="MERAKI_SPECIALIST_READ_ONLY") as wrong:
        load({name: "1"})
    assert wrong.value.name == name


def test_names_of_other_programs_are_left_alone() -> None:
    """Only our own prefix is checked."""
    assert load({"MERAKI_OTHER": "1", "PATH": "/bin"}).read_only is False


@pytest.mark.parametrize(
    "text",
    [
        "readonly = true\n",
        "config = 'x'\n",
        "read_only = [1]\n",
        "organizations = 5\n",
        "health_weights = 5\n",
        "secrets = 5\n",
        "home = 5\n",
        "[secrets]\n'a b' = 'x'\n",
        "question_s = true\n",
        "= 1",
        "locale = 5\n",
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    """Unknown names, wrong types, broken TOML."""
    with pytest.raises(SettingsError):
        load({}, written(tmp_path / "c.toml", text))


def test_an_unknown_name_from_the_command_line_is_refused() -> None:
    """A programming error, told as such."""
    with pytest.raises(SettingsError, match="read_only"):
        load({}, None, {"readonly": True})


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_in_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """In a private one it is taken."""
    text = f'api_key = "{KEY}"\n'
    assert load({}, written(tmp_path / "private.toml", text)).api_key == KEY
    for secret in (text, '[secrets]\nA = "canary-a"\n'):
        with pytest.raises(SettingsError, match="others can read") as wrong:
            load({}, written(tmp_path / "open.toml", secret, 0o644))
        assert "canary" not in str(wrong.value)
    assert load({}, written(tmp_path / "open.toml", "read_only = true\n", 0o644)).read_only


def test_the_file_in_the_data_directory_cannot_move_the_data_directory(tmp_path: Path) -> None:
    """It would have to be read to know where it is."""
    written(tmp_path / "config.toml", 'home = "/elsewhere"\n')
    with pytest.raises(SettingsError, match="home"):
        load({"MERAKI_SPECIALIST_HOME": str(tmp_path)})
    named = written(tmp_path / "named.toml", f'home = "{tmp_path}/data"\n')
    assert load({}, named).home == tmp_path / "data"


def test_a_loopback_address_needs_its_own_permission() -> None:
    """And is then taken."""
    url = "http://127.0.0.1:8080"
    with pytest.raises(SettingsError, match="ALLOW_LOOPBACK"):
        load({"MERAKI_BASE_URL": url})
    settings = load({"MERAKI_BASE_URL": url, "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1"})
    assert settings.base_url == "http://127.0.0.1:8080/api/v1"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://localhost:9/x"])
def test_an_anchor_on_this_machine_without_tls_needs_the_same_permission(address: str) -> None:
    """Said when the program starts, by the name of the setting."""
    given = {"MERAKI_SPECIALIST_ANCHORS": f"webhook:{address}"}
    with pytest.raises(SettingsError, match=r"MERAKI_SPECIALIST_ANCHORS: found an http address; allowed: .*https://"):
        load(given)
    assert load({**given, "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1"}).anchors == (f"webhook:{address}",)


def test_no_secret_is_shown_by_repr() -> None:
    """Neither the key nor the values for plans."""
    settings = load({"MERAKI_DASHBOARD_API_KEY": KEY, "MERAKI_SPECIALIST_SECRET_A": "canary-secret"})
    assert "canary" not in repr(settings)
    assert "canary" not in str(settings)


def test_settings_do_not_change_once_read() -> None:
    """Neither do the mappings in them."""
    settings: Any = load({"MERAKI_SPECIALIST_SECRET_A": "x", "MERAKI_SPECIALIST_HEALTH_WEIGHTS": "a=1"})
    with pytest.raises(AttributeError):
        settings.read_only = True
    for mapping in (settings.secrets, settings.health_weights):
        with pytest.raises(TypeError):
            mapping["A"] = "y"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_the_data_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0700; one that others can enter is refused."""
    home = tmp_path / "a" / "b"
    settings = load({"MERAKI_SPECIALIST_HOME": str(home)})
    assert stat.S_IMODE(open_home(settings).stat().st_mode) == 0o700
    assert open_home(settings) == home
    home.chmod(0o755)
    with pytest.raises(SettingsError, match="MERAKI_SPECIALIST_HOME"):
        open_home(settings)


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """With the name of the setting."""
    path = written(tmp_path / "file", "x")
    with pytest.raises(SettingsError, match="MERAKI_SPECIALIST_HOME"):
        open_home(load({}, None, {"home": path}))


def test_the_environment_is_read_when_nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the process, at the time of the call."""
    for name in list(os.environ):
        if name.startswith("MERAKI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MERAKI_SPECIALIST_LOCALE", "pt-br")
    assert load().locale == "pt-BR"
