"""Places of the seeded sandbox that flow tests change."""

from typing import Final

ORG: Final = "549236"
NET: Final = "L_646829496481105400"  #: campus
BRANCH: Final = "L_646829496481105401"  #: VLANs off
CORE: Final = "Q2XG-HFQU-2074"  #: MS250-48
LAB: Final = "Q2CL-HFQY-2222"  #: MS225-24P below the core
