"""What Google does not document, or decides by the customer's policy: every such choice is a switch.

The values at the start are the ones this simulator assumes; ``/_control/behaviour`` changes them.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

MODES = ("refuse", "clamp")
REJOIN = ("access_type", "anyone", "host_first", "nobody")
PHONE_FOR = ("owner", "participant", "everyone")


@dataclass(frozen=True, slots=True)
class Policy:
    """What an administrator's policy, or a missing licence, allows an account to set.

    ``setting`` is a leaf path of the configuration or a group of them; ``account`` None means everybody. Mode
    ``refuse`` answers ``status`` (403 or 400) to a request that asks for anything else; mode ``clamp`` accepts it and
    stores the first allowed value instead. Whether the live service refuses or clamps is not documented.
    """

    setting: str
    allowed: tuple[str, ...]
    mode: str = "refuse"
    account: str | None = None
    status: int = 403

    def covers(self, leaf: str, account: str) -> bool:
        """Whether the policy speaks about this setting of this owner's spaces."""
        if self.account not in (None, account):
            return False
        return leaf == self.setting or leaf.startswith(self.setting + ".")


@dataclass(slots=True)
class Behaviour:
    """The switches.

    linger_seconds        activeConference is still shown for so long after endActiveConference
    tighten_after_end     an end makes the access type RESTRICTED: people knock until a host comes
    rejoin_after_end      who may come back after endActiveConference: access_type (with OPEN and TRUSTED anyone, else when a
                          host is back), anyone, host_first, or nobody for rejoin_wait_seconds, hosts included
    rejoin_wait_seconds   see above
    list_lag_seconds      a new call appears in conferenceRecords.list only after so long
    end_foreign           endActiveConference works on spaces that another app made
    member_is_participant a member of a space counts as participant before joining
    filter_takes_code     space.name = "spaces/abc-mnop-xyz" (a code) finds the records in a list
    member_twice_refused  members.create answers 409 to an address that is a member already, else the member
    phone_for             who sees phoneAccess and gatewaySipAccess: owner, participant or everyone
    sip_gateway           host name of the customer's SIP gateway; None = none, as for most customers
    deleted_account_named the token endpoint tells a deleted account from an unknown one
    recreated_keeps_spaces an account that is made again with the same address owns the spaces of the old one
    disabled_services     hosts of Google's APIs that are not enabled in our Cloud project
    policies              see Policy
    """

    linger_seconds: float = 0.0
    tighten_after_end: bool = False
    rejoin_after_end: str = "access_type"
    rejoin_wait_seconds: float = 60.0
    list_lag_seconds: float = 0.0
    end_foreign: bool = False
    member_is_participant: bool = True
    filter_takes_code: bool = False
    member_twice_refused: bool = True
    deleted_account_named: bool = True
    recreated_keeps_spaces: bool = False
    phone_for: str = "owner"
    sip_gateway: str | None = None
    disabled_services: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """As the control and the snapshot show it."""
        return asdict(self)

    def policy_of(self, leaf: str, account: str) -> Policy | None:
        """The first policy about a setting of an owner's spaces."""
        for each in self.policies:
            if each.covers(leaf, account):
                return each
        return None


def behaviour_from(kept: dict[str, Any]) -> Behaviour:
    """The switches of a snapshot."""
    plain = {
        **kept,
        "disabled_services": tuple(kept["disabled_services"]),
        "policies": policies_from(kept["policies"]),
    }
    return Behaviour(**plain)


def policies_from(kept: Iterable[dict[str, Any]]) -> tuple[Policy, ...]:
    """Policies from their JSON; raises TypeError for unknown or missing names."""
    return tuple(Policy(**{**each, "allowed": tuple(each["allowed"])}) for each in kept)
