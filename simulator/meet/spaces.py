"""Meet v2, spaces: create, get, patch, endActiveConference.

Meet REST guide: Create and manage meeting spaces; Configure meeting spaces.
"""

from simulator import errors, masks
from simulator.behaviour import Policy
from simulator.config import config_as_json, leaves_of_mask, read_space, settled
from simulator.entities import Space
from simulator.errors import ApiError
from simulator.identifiers import number_of
from simulator.identity import READONLY, SETTINGS, Token
from simulator.meet.shared import (
    JSON,
    LEAF,
    OWN_APP,
    SPACE_READ,
    SPACE_WRITE,
    Call,
    method,
    own_space,
)
from simulator.world import DEFAULT_CONFIG, World

SPACE: masks.Tree = {
    "name": LEAF,
    "meetingUri": LEAF,
    "meetingCode": LEAF,
    "config": {
        "accessType": LEAF,
        "entryPointAccess": LEAF,
        "moderation": LEAF,
        "moderationRestrictions": {
            "chatRestriction": LEAF,
            "reactionRestriction": LEAF,
            "presentRestriction": LEAF,
            "defaultJoinAsViewerType": LEAF,
        },
        "attendanceReportGenerationType": LEAF,
        "artifactConfig": {
            "recordingConfig": {"autoRecordingGeneration": LEAF},
            "transcriptionConfig": {"autoTranscriptionGeneration": LEAF},
            "smartNotesConfig": {"autoSmartNotesGeneration": LEAF},
        },
    },
    "activeConference": {"conferenceRecord": LEAF},
    "phoneAccess": {"phoneNumber": LEAF, "pin": LEAF, "regionCode": LEAF, "languageCode": LEAF},
    "gatewaySipAccess": {"uri": LEAF, "sipAccessCode": LEAF},
}


def _phone(space: Space) -> list[JSON]:
    return [
        {
            "phoneNumber": "+493055500100",
            "pin": number_of("pin-de", space.id, digits=13, lead="7"),
            "regionCode": "DE",
            "languageCode": "de-DE",
        },
        {
            "phoneNumber": "+16505550100",
            "pin": number_of("pin-us", space.id, digits=11, lead="1"),
            "regionCode": "US",
            "languageCode": "en-US",
        },
    ]


def _sip(space: Space, gateway: str) -> list[JSON]:
    pin = number_of("pin-sip", space.id, digits=13, lead="3")
    return [{"uri": f"sip:{pin}@{gateway}", "sipAccessCode": pin}]


def _takes_part(call: Call, space: Space) -> bool:
    """In the running call, or a member: that is how we read "participant" (unconfirmed for the live service)."""
    if not call.caller:
        return False
    if call.world.behaviour.member_is_participant and any(
        call.world.is_user(member["email"], call.caller) for member in space.members.values()
    ):
        return True
    return space.active is not None and call.was_there(space.active.present())


def space_as_json(call: Call, space: Space) -> JSON:
    """What this caller may see of a space. One whose code has died has neither code nor address."""
    behaviour = call.world.behaviour
    answer: JSON = {"name": space.name}
    if space.code:
        answer["meetingUri"] = f"https://meet.google.com/{space.code}"
        answer["meetingCode"] = space.code
    owner = call.caller == space.owner
    takes_part = owner or _takes_part(call, space)
    if owner:
        answer["config"] = config_as_json(space.config, numbers=call.enum_numbers)
    if space.active is not None and takes_part:
        answer["activeConference"] = {"conferenceRecord": space.active.name}
    if owner or behaviour.phone_for == "everyone" or (behaviour.phone_for == "participant" and takes_part):
        answer["phoneAccess"] = _phone(space)
        if behaviour.sip_gateway:
            answer["gatewaySipAccess"] = _sip(space, behaviour.sip_gateway)
    return answer


def as_owner_reads_it(world: World, space: Space) -> JSON:
    """The answer to spaces.get for the owner, with all scopes and enums by name."""
    token = Token(space.owner, frozenset(SPACE_READ), space.project, 0.0, "")
    return space_as_json(Call(world, token, {}, {}, None, None, enum_numbers=False), space)


def _under_policy(call: Call, owner: str, wanted: dict[str, str], asked: list[str]) -> dict[str, str]:
    """The settings as policy and licence let them be.

    A setting that the request names and policy forbids refuses the whole request, or is clamped to the first allowed
    value; what the request does not name is clamped silently. Raises ApiError 403 or 400.
    """
    config = dict(wanted)
    for leaf in wanted:
        policy = call.world.behaviour.policy_of(leaf, owner)
        if policy is None or wanted[leaf] in policy.allowed:
            continue
        if policy.mode == "refuse" and leaf in asked:
            raise _forbidden(policy, leaf)
        config[leaf] = policy.allowed[0]
    return config


def _forbidden(policy: Policy, leaf: str) -> ApiError:
    if policy.status == 400:
        return errors.invalid(
            f"space.config.{masks.snake(leaf)}", "Not permitted by the administrator's policy."
        )
    return ApiError(403)


def create_space(call: Call) -> JSON:
    """spaces.create: the caller becomes the owner, the app the creator."""
    asked = read_space(call.body)
    if not call.caller:
        raise errors.denied("Space")
    config = _under_policy(call, call.caller, {**DEFAULT_CONFIG, **asked}, list(asked))
    space = call.world.add_space(owner=call.caller, project=call.token.project, config=settled(config))
    return space_as_json(call, space)


def get_space(call: Call) -> JSON:
    """spaces.get: the only method that takes a meeting code as well as an id."""
    only_own_app = not call.has(READONLY, SETTINGS)
    refusal = errors.denied("MeetingSpace" if only_own_app else "Space")
    space = call.world.find_space(call.path["space"])
    if space is None or not call.caller:
        raise refusal
    if only_own_app and not call.ours(space):
        raise refusal
    return space_as_json(call, space)


def patch_space(call: Call) -> JSON:
    """spaces.patch: leaves named by the mask; absent from the body means back to the default.

    Without a mask the fields with values in the body are updated.
    """
    asked = read_space(call.body)
    mask = call.asked("updateMask")
    leaves = leaves_of_mask(mask) if mask.strip(" ,") else list(asked)
    space = own_space(call, elsewhere_too=call.has(SETTINGS))
    config = dict(space.config)
    for leaf in leaves:
        config[leaf] = asked.get(leaf, DEFAULT_CONFIG[leaf])
    space.config = settled(
        _under_policy(call, space.owner, config, [leaf for leaf in leaves if leaf in asked])
    )
    call.world.version += 1
    return space_as_json(call, space)


def end_active_conference(call: Call) -> JSON:
    """spaces.endActiveConference: everybody out; an idle space is a failed precondition."""
    if call.body is not None and not isinstance(call.body, dict):
        raise errors.not_an_object("EndActiveConferenceRequest")
    for name in call.body or {}:
        raise errors.unknown_name(name, "")
    space = own_space(call, elsewhere_too=call.world.behaviour.end_foreign)
    if space.active is None or space.lingers_until is not None:
        raise errors.nothing_to_end()
    call.world.end_by_request(space)
    return {}


_SERVICE = "SpacesService."
METHODS = [
    method(
        "POST", "/v2/spaces", "spaces.create", _SERVICE + "CreateSpace", OWN_APP, create_space, SPACE, quota="create"
    ),
    method("GET", "/v2/spaces/{space}", "spaces.get", _SERVICE + "GetSpace", SPACE_READ, get_space, SPACE),
    method(
        "PATCH", "/v2/spaces/{space}", "spaces.patch", _SERVICE + "UpdateSpace", SPACE_WRITE, patch_space, SPACE,
        quota="write", parameters=("updateMask",),
    ),
    method(
        "POST", "/v2/spaces/{space}:endActiveConference", "spaces.endActiveConference",
        _SERVICE + "EndActiveConference", OWN_APP, end_active_conference, {}, quota="write",
    ),
]  # fmt: skip
