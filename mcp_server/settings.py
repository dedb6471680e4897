"""What the operator may set: one table, read once from the environment and one TOML file, then frozen.

Rules: the command line counts before the environment, the environment before the file, the file before the default;
an empty value is no value; a name that is not in the table is refused, so that a typing error never switches a
protection off silently; a message about a secret tells its length, never its text.
"""

import base64
import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import platformdirs

from mcp_server.anchors import targets
from mcp_server.domain.redaction import clean
from mcp_server.errors import SettingsError, StoreUnavailable
from mcp_server.failpoints import ACTIONS, POINTS, parse
from mcp_server.meraki.hosts import ALLOWED, base_address
from mcp_server.private_files import private_directory

PREFIX = "MERAKI_SPECIALIST_"
SECRET_PREFIX = "MERAKI_SPECIALIST_SECRET_"  # noqa: S105 - the beginning of names, not a secret
CONFIG_NAME = "config.toml"
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: ``allowed`` in words; ``parse`` takes text or a TOML value, raises ValueError or TypeError."""

    name: str
    allowed: str
    parse: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set. ``env`` is its environment name, ``name`` its name in the file and on ``Settings``."""

    name: str
    env: str
    kind: Kind
    default: Any
    meaning: str
    alias: str = ""  #: a second environment name, read when ``env`` is not set
    is_secret: bool = False
    in_file: bool = True

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        return self.kind.allowed


def _flag(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _YES | _NO:
        raise ValueError
    return text in _YES


def _whole(low: int, high: int) -> Kind:
    def parse(value: Any) -> int:
        if isinstance(value, bool | float) or not low <= int(value) <= high:
            raise ValueError
        return int(value)

    return Kind("whole number", f"a whole number from {low} to {high}", parse)


def _number(low: float, high: float, unit: str = "seconds") -> Kind:
    def parse(value: Any) -> float:
        number = float(value)
        if isinstance(value, bool) or not math.isfinite(number) or not low <= number <= high:
            raise ValueError
        return number

    return Kind("number", f"{unit} from {low:g} to {high:g}", parse)


def _choice(*words: str) -> Kind:
    by_lower = {word.lower(): word for word in words}

    def parse(value: Any) -> str:
        if not isinstance(value, str) or value.strip().lower() not in by_lower:
            raise ValueError
        return by_lower[value.strip().lower()]

    return Kind("choice", " or ".join(words), parse)


def _words(pattern: str, allowed: str) -> Kind:
    def parse(value: Any) -> frozenset[str]:
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(parts, list | tuple | set | frozenset):
            raise TypeError
        kept = [part for part in parts if part != ""]
        if not all(isinstance(part, str) and re.fullmatch(pattern, part) for part in kept):
            raise ValueError
        return frozenset(kept)

    return Kind("list", allowed, parse)


def _weights(value: Any) -> Mapping[str, float]:
    pairs = value
    if isinstance(value, str):
        pairs = {name.strip(): weight for name, _, weight in (part.partition("=") for part in value.split(","))}
    if not isinstance(pairs, Mapping):
        raise TypeError
    weight_of = _number(0, 1_000).parse
    if not all(isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) for name in pairs):
        raise ValueError
    return MappingProxyType({name: weight_of(weight) for name, weight in pairs.items()})


def _api_key(value: Any) -> str:
    key = str(value).strip()
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{8,200}", key):
        raise ValueError
    return key


def _seed(value: Any) -> str:
    text = str(value).strip()
    if not isinstance(value, str) or len(base64.b64decode(text, validate=True)) != 32:
        raise ValueError
    return text


def _secrets(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError
    for name, secret in value.items():
        if not _SECRET_NAME.fullmatch(name) or not isinstance(secret, str) or not secret:
            raise ValueError
    return MappingProxyType(dict(value))


def _path(value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or "\0" in str(value):
        raise ValueError
    return Path(value).expanduser().absolute()


def _points(value: Any) -> str:
    parse(value)
    return str(value)


def _file(value: Any) -> Path:
    path = _path(value)
    if not path.is_file():
        raise ValueError
    return path


def _url(value: Any) -> str:
    """The address in its full form. Whether a loopback one is permitted is checked once all settings are known."""
    return base_address(value.strip(), allow_loopback=True).text


FLAG = Kind("flag", "1, true, yes, on or 0, false, no, off", _flag)
_KEY = Kind("secret", "8 to 200 printable characters without spaces", _api_key)
_DIRECTORY = Kind("path", "a directory of your own; it is made with mode 0700", _path)
_TOML = Kind("path", "an existing TOML file", _file)
_PEM = Kind("path", "an existing PEM file", _file)
_ADDRESS = Kind("url", f"{ALLOWED}; a loopback address with {PREFIX}ALLOW_LOOPBACK=1", _url)
_SECRETS = Kind("secrets", "names of letters, digits and _, each with a value that is not empty", _secrets)
_WEIGHTS = Kind("weights", "name=number pairs, numbers from 0 to 1000", _weights)
_POINTS = Kind("points", f"POINT:ACTION:NTH of {', '.join(POINTS)} and {', '.join(ACTIONS)}", _points)
_TRACE = Kind("path", "a file", _path)
_ANCHORS = Kind("anchors", targets.ALLOWED, targets.parse)
_SEED = Kind("secret", "32 bytes in base64", _seed)
_SHORT, _HOURS = _number(0, 600), _number(0.01, 720, "hours")


def _ours(name: str, kind: Kind, default: Any, meaning: str) -> Setting:
    return Setting(name, PREFIX + name.upper(), kind, default, meaning)


#: Every setting there is, in the order of the reference page.
SETTINGS: tuple[Setting, ...] = (
    Setting("api_key", "MERAKI_DASHBOARD_API_KEY", _KEY, "", "Key of the Dashboard API.", "MERAKI_API_KEY", True),
    Setting("base_url", "MERAKI_BASE_URL", _ADDRESS, "https://api.meraki.com/api/v1", "Address of the Dashboard API."),
    _ours("allow_loopback", FLAG, False, "Lets the key go to an API on this machine (tests, the sandbox)."),
    _ours("ca_file", _PEM, None, "Certificates to trust instead of the built-in ones."),
    _ours("home", _DIRECTORY, None, "Data directory: store, keys, config.toml. Default: the platform's own."),
    Setting("config", f"{PREFIX}CONFIG", _TOML, None, "The settings file instead of config.toml.", in_file=False),
    _ours("profile", _choice("solo", "team"), "", "Who has to agree to a change. Default: solo on stdio, else team."),
    _ours("read_only", FLAG, False, "Refuses every change."),
    _ours("sandbox", FLAG, False, "Serves a simulated organization instead of the cloud, as serve --sandbox does."),
    _ours("locale", _choice("en", "pt-BR"), "en", "Language of messages and changelog."),
    _ours("organizations", _words(r"\d{1,20}", "organization ids, separated by commas"), frozenset(),
          "The only organizations that may be read or changed; empty: all that the key sees."),
    _ours("families", _words(r"[a-z][a-z0-9_\-]{0,39}", "names of families, separated by commas"), frozenset(),
          "Families of operations to switch on that are off by default."),
    _ours("anchors", _ANCHORS, (),
          "Places outside the store that keep signed statements about the audit chain, besides anchors.jsonl."),
    Setting("evidence_key", f"{PREFIX}EVIDENCE_KEY", _SEED, "",
            "Seed of the Ed25519 key that signs the audit chain, instead of keys/evidence.key.", is_secret=True),
    _ours("strict_audit", FLAG, False, "Refuses reads too when they cannot be recorded."),
    _ours("apply_wait_s", _SHORT, 45.0, "How long meraki_apply waits before it answers that the change goes on."),
    _ours("settle_s", _SHORT, 15.0, "How long one step is read back at most until it is as planned."),
    _ours("late_s", _number(0, 3_600), 120.0,
          "How long a write that was not answered may still arrive; it is not called not applied before."),
    _ours("settle_poll_s", _number(0.01, 60), 0.5, "Time between two reads of a step."),
    _ours("health_settle_s", _SHORT, 10.0, "How long health is watched after an apply."),
    _ours("health_poll_s", _number(0.01, 60), 2.5, "Time between two samples of health."),
    _ours("question_s", _number(10, 3_600), 300.0, "How long a question to a person stays open."),
    _ours("keep_look_s", _number(0.05, 60), 5.0, "Time between two looks for changes that were not kept in time."),
    _ours("keep_sample_s", _number(0.05, 600), 60.0, "Time between two samples of health while a change waits."),
    _ours("lease_s", _number(30, 7_200), 120.0, "How long a change holds its networks before it must renew."),
    _ours("recovery", _choice("undo", "finish"), "undo",
          "What is done with a change that was applied in part when its server stopped."),
    _ours("recover_minutes", _number(0, 1_440, "minutes"), 15.0,
          "After its last step nothing is written any more to a change whose server stopped: a person decides."),
    _ours("recover_every_s", _number(0.05, 600), 30.0, "Time between two looks for changes whose server stopped."),
    _ours("disk_reserve_mb", _whole(0, 1_000_000), 64,
          "Room on the disk that is kept for records: with less, no plan and no change is begun."),
    _ours("store_wait_s", _SHORT, 10.0, "How long one use of the store waits while another program holds it."),
    _ours("plan_hours", _HOURS, 24.0, "How long a plan can be approved."),
    _ours("approval_hours", _HOURS, 4.0, "How long an approval can be used."),
    _ours("rate_per_s", _number(0.1, 10, "requests per second"), 10.0,
          "Requests to one organization; lower leaves room for other programs."),
    _ours("http_connect_s", _number(0.01, 120), 10.0, "Limit for opening a connection."),
    _ours("http_read_s", _number(0.01, 300), 60.0, "Limit for silence while an answer is awaited."),
    _ours("http_total_s", _number(0.01, 600), 90.0, "Limit for one request as a whole."),
    _ours("retry_rate_tries", _whole(1, 20), 5, "Tries of a request that is answered 429."),
    _ours("retry_server_tries", _whole(1, 20), 3, "Tries of a read that is answered 5xx."),
    _ours("retry_server_wait_s", _SHORT, 30.0, "Wait after a 5xx."),
    _ours("retry_gateway_wait_s", _SHORT, 60.0, "Wait after a gateway time-out (504)."),
    _ours("retry_timeout_tries", _whole(1, 20), 2, "Tries of a read that runs out of time."),
    _ours("retry_timeout_wait_s", _SHORT, 10.0, "Wait after a time-out."),
    _ours("retry_connection_tries", _whole(1, 20), 3, "Tries when the connection is not opened or breaks in a read."),
    _ours("retry_base_s", _SHORT, 1.0, "First wait of a backoff; each next one is twice as long."),
    _ours("retry_longest_s", _SHORT, 60.0, "Longest single wait; a longer Retry-After is reported instead."),
    _ours("retry_jitter", _number(0, 1, "a fraction"), 0.25, "At most so much is added to a backoff by chance."),
    _ours("retry_total_s", _number(0, 3_600), 300.0, "No wait is begun that would end later than this."),
    Setting("secrets", f"{SECRET_PREFIX}*", _SECRETS, MappingProxyType({}),
            'Values for {"$secret": "NAME"} in plans.', is_secret=True),
    _ours("health_weights", _WEIGHTS, MappingProxyType({}), "Weights of the health score that replace the default."),
    Setting("failpoint", f"{PREFIX}FAILPOINT", _POINTS, "",
            "Tests only: where this program is to stop (docs/safety.md); refused for the real cloud.", in_file=False),
    Setting("failpoint_trace", f"{PREFIX}FAILPOINT_TRACE", _TRACE, None,
            "Tests only: a file to which each point that is reached is appended.", in_file=False),
    _ours("log_format", _choice("auto", "json", "human"), "auto", "Form of the log; auto: human on a terminal."),
    _ours("log_level", _choice("debug", "info", "warning", "error"), "info", "Least severity that is logged."),
)  # fmt: skip
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked. Field names are those of ``SETTINGS``; times end in their unit."""

    home: Path
    api_key: str = field(default="", repr=False)
    base_url: str = "https://api.meraki.com/api/v1"
    allow_loopback: bool = False
    ca_file: Path | None = None
    config: Path | None = None
    profile: str = ""  #: "": solo on stdio, team elsewhere
    read_only: bool = False
    sandbox: bool = False
    locale: str = "en"
    organizations: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()
    anchors: tuple[str, ...] = ()
    evidence_key: str = field(default="", repr=False)
    strict_audit: bool = False
    apply_wait_s: float = 45.0
    settle_s: float = 15.0
    late_s: float = 120.0
    settle_poll_s: float = 0.5
    health_settle_s: float = 10.0
    health_poll_s: float = 2.5
    question_s: float = 300.0
    keep_look_s: float = 5.0
    keep_sample_s: float = 60.0
    lease_s: float = 120.0
    recovery: str = "undo"
    recover_minutes: float = 15.0
    recover_every_s: float = 30.0
    disk_reserve_mb: int = 64
    store_wait_s: float = 10.0
    plan_hours: float = 24.0
    approval_hours: float = 4.0
    rate_per_s: float = 10.0
    http_connect_s: float = 10.0
    http_read_s: float = 60.0
    http_total_s: float = 90.0
    retry_rate_tries: int = 5
    retry_server_tries: int = 3
    retry_server_wait_s: float = 30.0
    retry_gateway_wait_s: float = 60.0
    retry_timeout_tries: int = 2
    retry_timeout_wait_s: float = 10.0
    retry_connection_tries: int = 3
    retry_base_s: float = 1.0
    retry_longest_s: float = 60.0
    retry_jitter: float = 0.25
    retry_total_s: float = 300.0
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    health_weights: Mapping[str, float] = field(default_factory=dict)
    failpoint: str = ""
    failpoint_trace: Path | None = None
    log_format: str = "auto"
    log_level: str = "info"

    def group(self, prefix: str) -> dict[str, Any]:
        """The settings whose names begin with ``prefix_``, without it: ``group("retry")`` builds a RetryWaits."""
        start = f"{prefix}_"
        names = [item.name for item in fields(self) if item.name.startswith(start)]
        return {name.removeprefix(start): getattr(self, name) for name in names}

    @property
    def secret_values(self) -> frozenset[str]:
        """Every value that no log, row or answer may show."""
        return frozenset(self.secrets.values()) | {one for one in (self.api_key, self.evidence_key) if one}


def load(
    environ: Mapping[str, str] = os.environ,
    toml_path: Path | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """The settings of this process; ``overrides`` come from the command line, None there is no value.

    Raises SettingsError, which names the setting, what was found (masked) and what is allowed.
    """
    given, found, _ = _found(environ, toml_path, overrides)
    found_secrets = found.get("secrets")
    if isinstance(found_secrets, Mapping) and isinstance(given.get("secrets"), Mapping):
        given["secrets"] = {**found_secrets, **given["secrets"]}
    values = {name: _checked(name, value) for name, value in {**found, **given}.items()}
    values.setdefault("home", _default_home())
    settings = Settings(**values)
    _check_loopback(settings)
    _check_failpoints(settings)
    _check_anchors(settings)
    return settings


def origins(
    environ: Mapping[str, str] = os.environ,
    toml_path: Path | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Mapping[str, str]:
    """Where each setting that is not left at its default comes from; raises SettingsError like ``load``."""
    given, found, path = _found(environ, toml_path, overrides)
    places = dict.fromkeys(found, str(path))
    for name in given:
        setting = _BY_NAME[name]
        variable = setting.env if environ.get(setting.env, "").strip() else setting.alias or setting.env
        places[name] = "the command line" if overrides.get(name) is not None else variable
    return places


def _found(
    environ: Mapping[str, str], toml_path: Path | None, overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """What the environment and the command line give, what the settings file gives, and its path."""
    given = _from_environment(environ)
    given.update({name: value for name, value in overrides.items() if value is not None})
    _refuse_unknown(given, _BY_NAME, "on the command line")
    home = _checked("home", given["home"]) if "home" in given else None
    named = toml_path or (_checked("config", given["config"]) if "config" in given else None)
    path = named or (home or _default_home()) / CONFIG_NAME
    return given, _from_file(path, is_named=named is not None), path


def open_home(settings: Settings) -> Path:
    """The data directory, made with mode 0700 when missing; SettingsError when it is open to others or not ours."""
    try:
        return private_directory(settings.home)
    except StoreUnavailable as problem:
        raise SettingsError(f"{PREFIX}HOME", clean(problem), _DIRECTORY.allowed) from problem


def _default_home() -> Path:
    return platformdirs.user_data_path("meraki-specialist", appauthor=False)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Values by setting name. An empty text is no value: desktop clients send one for a field left blank."""
    given: dict[str, Any] = {}
    for setting in SETTINGS:
        value = environ.get(setting.env, "") or environ.get(setting.alias, "")
        if value.strip():
            given[setting.name] = value
    secrets = {name.removeprefix(SECRET_PREFIX): value for name, value in environ.items() if _is_secret(name) and value}
    if secrets:
        given["secrets"] = secrets
    ours = [name for name in environ if name.startswith(PREFIX) and not _is_secret(name)]
    _refuse_unknown(ours, {setting.env for setting in SETTINGS}, "in the environment")
    return given


def _is_secret(name: str) -> bool:
    return name.startswith(SECRET_PREFIX)


def _from_file(path: Path, *, is_named: bool) -> dict[str, Any]:
    """Values of the settings file; {} when there is none and none was named."""
    try:
        if not is_named and not path.exists():
            return {}
    except OSError as problem:  # the data directory of another account, as a folder that a container is given
        found = f"{clean(path.parent)}: {problem.strerror}"
        raise SettingsError(f"{PREFIX}HOME", found, _DIRECTORY.allowed) from None
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        mode = path.stat().st_mode
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not valid TOML"
        raise SettingsError(f"{PREFIX}CONFIG", f"{clean(path)}: {reason}", _TOML.allowed) from None
    _refuse_unknown(content, {setting.name for setting in SETTINGS if setting.in_file}, f"in {clean(path)}")
    secret = next((name for name in content if _BY_NAME[name].is_secret), None)
    if secret and os.name == "posix" and mode & 0o077:
        raise SettingsError(
            secret, f"in {clean(path)}, which others can read", "a file of mode 0600, or the environment"
        )
    if "home" in content and not is_named:
        raise SettingsError("home", f"in {clean(path)}, which lies in the data directory", f"{PREFIX}HOME")
    return content


def _refuse_unknown(names: Iterable[str], known: Iterable[str], place: str) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.5)
            raise SettingsError(clean(name, 80), f"{place}, where no setting has that name", ", ".join(near or known))


def _checked(name: str, value: Any) -> Any:
    """The value in its type; SettingsError names the setting as the operator writes it."""
    setting = _BY_NAME[name]
    try:
        return setting.kind.parse(value)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise SettingsError(setting.env, _masked(setting, value), setting.allowed) from None


def _masked(setting: Setting, value: Any) -> str:
    """What was found, fit to be shown."""
    if setting.is_secret:
        return f"a value of {len(value)} characters" if isinstance(value, str) else "a value of another type"
    if setting.kind is _ADDRESS and "@" in str(value):
        return "an address with a user part"
    return repr(clean(value, 80)) if isinstance(value, str) else clean(value, 80)


def _check_loopback(settings: Settings) -> None:
    try:
        base_address(settings.base_url, allow_loopback=settings.allow_loopback)
    except ValueError:
        raise SettingsError("MERAKI_BASE_URL", repr(settings.base_url), _ADDRESS.allowed) from None


def _check_failpoints(settings: Settings) -> None:
    """Nothing stops a program that can reach the real cloud."""
    if (settings.failpoint or settings.failpoint_trace) and not (settings.allow_loopback or settings.sandbox):
        raise SettingsError(_BY_NAME["failpoint"].env, "for the real cloud", f"it with {PREFIX}ALLOW_LOOPBACK=1 only")


def _check_anchors(settings: Settings) -> None:
    """What an anchor is sent may not go without TLS, but to this machine where that is allowed."""
    try:
        targets.anchors(settings.anchors, settings.home, allow_loopback=settings.allow_loopback)
    except ValueError:
        raise SettingsError(f"{PREFIX}ANCHORS", "an http address", _ANCHORS.allowed) from None
