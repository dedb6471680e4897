"""T1, wireless: passphrases, open networks, old encryption, guests (numbers: specialist protocol, T1).

What counts as a guest network is read from its settings, never from its name: names are text that anybody may set.
"""

from collections.abc import Iterable, Iterator, Mapping

from mcp_server.domain.call import Json, Warned
from mcp_server.domain.redaction import clean
from mcp_server.domain.rules.facts import CRITICAL, WARNING, StepView, part, secret_length, warned

PSK_MINIMUM = 8
PSK_ADVISED = 12
LAST_SSID = 14

SSID_OPERATIONS = frozenset({"updateNetworkWirelessSsid", "updateNetworkApplianceSsid"})
IDENTITY_PSK_OPERATIONS = frozenset({"createNetworkWirelessSsidIdentityPsk", "updateNetworkWirelessSsidIdentityPsk"})
CAMERA_PROFILE_OPERATIONS = frozenset({"createNetworkCameraWirelessProfile", "updateNetworkCameraWirelessProfile"})
OPEN_MODES = frozenset({"open", "open-with-radius", "open-with-nac"})
ISOLATED_MODES = frozenset({"NAT mode"})  #: ipAssignmentMode that keeps clients away from the LAN


def is_open(state: Mapping[str, Json]) -> bool:
    """Whether an SSID of that state lets anybody in without encryption (enhanced open encrypts, so it does not)."""
    return state.get("authMode") in OPEN_MODES


def is_guest(state: Mapping[str, Json]) -> bool:
    """Whether an SSID of that state is meant for people who hold no key: open, or behind a splash page."""
    return is_open(state) or state.get("splashPage") not in (None, "", "None")


def _passphrases(view: StepView) -> Iterator[Json]:
    if view.operation in SSID_OPERATIONS:
        yield view.sent.get("psk")
    elif view.operation in IDENTITY_PSK_OPERATIONS:
        yield view.sent.get("passphrase")
    elif view.operation in CAMERA_PROFILE_OPERATIONS:
        yield part(view.sent, "ssid", "psk")


def psk_too_short(view: StepView) -> Iterable[Warned]:
    """A passphrase under 8 characters; the API answers "PSK must be at least 8 characters"."""
    lengths = [length for length in map(secret_length, _passphrases(view)) if length is not None]
    if any(length < PSK_MINIMUM for length in lengths):
        text = f"The passphrase for {view.where} has fewer than {PSK_MINIMUM} characters; Meraki refuses it."
        return warned("t1_psk_too_short", CRITICAL, text)
    return ()


def psk_short(view: StepView) -> Iterable[Warned]:
    """A passphrase of 8 to 11 characters."""
    lengths = [length for length in map(secret_length, _passphrases(view)) if length is not None]
    if any(PSK_MINIMUM <= length < PSK_ADVISED for length in lengths):
        text = f"The passphrase for {view.where} has fewer than the advised {PSK_ADVISED} characters."
        return warned("t1_psk_short", WARNING, text)
    return ()


def open_ssid(view: StepView) -> Iterable[Warned]:
    """An SSID without encryption, always."""
    if view.operation in SSID_OPERATIONS and is_open(view.after):
        return warned("t1_open_ssid", WARNING, f"{view.where} is open: anybody in range can join and listen.")
    return ()


def open_ssid_on_corporate_net(view: StepView) -> Iterable[Warned]:
    """An open SSID that is switched on and puts its clients on the LAN."""
    state = view.after
    if view.operation not in SSID_OPERATIONS or not is_open(state) or state.get("enabled") is False:
        return ()
    mode = state.get("ipAssignmentMode")
    if mode in (None, *ISOLATED_MODES) or state.get("lanIsolationEnabled") is True:
        return ()
    text = f"{view.where} is open and bridged ({clean(mode, 60)}): anybody in range reaches the corporate network."
    return warned("t1_open_ssid_on_corporate_net", CRITICAL, text)


def wpa1_deprecated(view: StepView) -> Iterable[Warned]:
    """WEP, or WPA in its first version."""
    if view.operation not in SSID_OPERATIONS:
        return ()
    if view.after.get("encryptionMode") == "wep":
        return warned("t1_wpa1_deprecated", WARNING, f"{view.where} uses WEP, which is broken; use WPA2 or WPA3.")
    if "WPA1" in str(view.after.get("wpaEncryptionMode", "")):
        return warned(
            "t1_wpa1_deprecated", WARNING, f"{view.where} allows WPA1, which is deprecated; use WPA2 or WPA3."
        )
    return ()


def splash_without_https(view: StepView) -> Iterable[Warned]:
    """A splash or redirect page that is fetched in clear."""
    if view.operation != "updateNetworkWirelessSsidSplashSettings":
        return ()
    for address, switch in (("splashUrl", "useSplashUrl"), ("redirectUrl", "useRedirectUrl")):
        is_plain = str(view.after.get(address) or "").lower().startswith("http://")
        if is_plain and view.after.get(switch) is not False:
            text = f"The {address} of {view.where} is not HTTPS: what guests type there can be read on the way."
            return warned("t1_splash_without_https", WARNING, text)
    return ()


def unlimited_guest_bandwidth(view: StepView) -> Iterable[Warned]:
    """A guest SSID with neither a limit per client nor one for the SSID (0 means none)."""
    state = view.after
    if view.operation not in SSID_OPERATIONS or not is_guest(state) or state.get("enabled") is False:
        return ()
    free = [way for way in ("Up", "Down") if _is_unlimited(state, way)]
    if not free:
        return ()
    text = f"{view.where} is for guests and has no bandwidth limit ({' and '.join(free).lower()})."
    return warned("t1_unlimited_guest_bandwidth", WARNING, text)


def _is_unlimited(state: Mapping[str, Json], way: str) -> bool:
    per_client, per_ssid = state.get(f"perClientBandwidthLimit{way}"), state.get(f"perSsidBandwidthLimit{way}")
    return per_client == 0 and per_ssid in (0, None)


def ssid_number(view: StepView) -> Iterable[Warned]:
    """An SSID number outside 0 to 14: a network has 15 slots."""
    number = view.params.get("number")
    if number is None or not view.operation.startswith(("updateNetworkWirelessSsid", "createNetworkWirelessSsid")):
        return ()
    if str(number).isdecimal() and 0 <= int(number) <= LAST_SSID:
        return ()
    text = f"SSID number {clean(number, 40)} is out of range: a network has SSIDs 0 to {LAST_SSID}."
    return warned("t1_ssid_number", CRITICAL, text)
