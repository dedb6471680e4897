"""The writes of the API that change nothing that is configured, each with the reason: data of ``without_effect.json``.

Every other write changes the state of the world, or is refused. A contract test holds both sides to it.
"""

import json
from collections.abc import Mapping
from pathlib import Path

_FILE = Path(__file__).with_name("without_effect.json")
#: operation -> why no configuration changes
WITHOUT_EFFECT: Mapping[str, str] = json.loads(_FILE.read_bytes())
