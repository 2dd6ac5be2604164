"""Meet v2, spaces.members: create, get, list, patch, delete, batchUpdate.

Meet REST guide: Manage meeting space members. The discovery document describes the masks of batchUpdate.
"""

from simulator import errors, masks
from simulator.config import ROLE, number_of_name, read_member
from simulator.entities import Space
from simulator.errors import ApiError
from simulator.identifiers import token_of
from simulator.identity import READONLY
from simulator.meet.shared import (
    JSON,
    LEAF,
    OWN_APP,
    PAGE,
    READ,
    Call,
    listed,
    method,
    missing,
    one_page,
    own_space,
    page_of,
)

BATCH_LIMIT = 500
# The documentation's default mask names "user", which the schema of v2 does not have: it may be asked for in vain.
MEMBER: masks.Tree = {"name": LEAF, "email": LEAF, "role": LEAF, "user": LEAF}


def _space(call: Call, *, write: bool) -> Space:
    return own_space(call, elsewhere_too=not write and call.has(READONLY), resource="Member")


def _as_json(call: Call, space: Space, identifier: str) -> JSON:
    answer: JSON = {"name": f"{space.name}/members/{identifier}", **space.members[identifier]}
    if call.enum_numbers and "role" in answer:
        answer["role"] = number_of_name(ROLE.names, answer["role"])
    return answer


def _known(space: Space, identifier: str) -> str:
    if identifier not in space.members:
        raise missing()
    return identifier


def list_members(call: Call) -> JSON:
    """spaces.members.list: in no order that means anything."""
    space = _space(call, write=False)
    found = sorted(space.members)
    part, following = one_page(call, [(key,) for key in found], found, default=250, maximum=500)
    return listed("members", [_as_json(call, space, key) for key in part], following)


def get_member(call: Call) -> JSON:
    """spaces.members.get."""
    space = _space(call, write=False)
    return _as_json(call, space, _known(space, call.path["member"]))


def create_member(call: Call) -> JSON:
    """spaces.members.create: by e-mail, role COHOST or none."""
    asked = read_member(call.body, "member")
    email = asked.get("email", "").strip().lower()
    name, _, host = email.partition("@")
    if not name or not host or "@" in host or " " in email:
        raise errors.invalid("member.email", "A member needs an e-mail address.")
    space = _space(call, write=True)
    for identifier, member in space.members.items():
        if member["email"] == email:
            if call.world.behaviour.member_twice_refused:
                raise ApiError(409)
            return _as_json(call, space, identifier)
    identifier = token_of("member", space.id, email, length=24)
    space.members[identifier] = {"email": email}
    if asked.get("role"):
        space.members[identifier]["role"] = asked["role"]
    call.world.version += 1
    return _as_json(call, space, identifier)


def _mask(text: object) -> set[str] | None:
    """The fields of an update mask, "*" for all; None without one. Only the role of a member can change."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise errors.invalid("update_mask", "Must be a field mask.")
    names = {masks.camel(name.strip()) for name in text.split(",")} - {""}
    for name in names:
        if name not in ("role", "*"):
            raise errors.invalid("update_mask", f"Invalid field mask path: {name}")
    return names or None


def _set_role(space: Space, identifier: str, asked: dict[str, str]) -> None:
    if asked.get("role"):
        space.members[identifier]["role"] = asked["role"]
    else:
        space.members[identifier].pop("role", None)


def patch_member(call: Call) -> JSON:
    """spaces.members.patch: only the role can change; without a mask only if the body has a value for it."""
    asked = read_member(call.body, "member")
    mask = _mask(call.asked("updateMask"))
    space = _space(call, write=True)
    identifier = _known(space, call.path["member"])
    if mask is not None or asked.get("role"):
        _set_role(space, identifier, asked)
        call.world.version += 1
    return _as_json(call, space, identifier)


def delete_member(call: Call) -> JSON:
    """spaces.members.delete."""
    space = _space(call, write=True)
    del space.members[_known(space, call.path["member"])]
    call.world.version += 1
    return {}


def batch_update_members(call: Call) -> JSON:
    """spaces.members.batchUpdate: all or nothing, at most 500.

    A mask of the batch counts for every request; a request's own mask must equal it and is an error without it. With no
    mask at all everything given is updated, and what is not given is cleared.
    """
    if call.body is not None and not isinstance(call.body, dict):
        raise errors.not_an_object("BatchUpdateMembersRequest")
    body = _camel(call.body or {}, ("requests", "updateMask"), "")
    requests = body.get("requests", [])
    if not isinstance(requests, list):
        raise errors.invalid("requests", "Must be a list.")
    if len(requests) > BATCH_LIMIT:
        raise errors.invalid("requests", f"At most {BATCH_LIMIT} members can be modified in a batch.")
    mask = _mask(body.get("updateMask"))
    read = [_read_request(each, mask) for each in requests]
    space = _space(call, write=True)
    prefix = f"{space.name}/members/"
    changes = []
    for asked in read:
        name = asked.get("name", "")
        if not name.startswith(prefix):
            raise errors.invalid("requests.member.name", "Must be a member of the parent.")
        changes.append((_known(space, name.removeprefix(prefix)), asked))
    for identifier, asked in changes:
        _set_role(space, identifier, asked)
    call.world.version += 1
    return listed("members", [_as_json(call, space, identifier) for identifier, _ in changes], "")


def _camel(body: JSON, allowed: tuple[str, ...], path: str) -> JSON:
    for name in body:
        if masks.camel(name) not in allowed:
            raise errors.unknown_name(name, path)
    return {masks.camel(name): value for name, value in body.items()}


def _read_request(request: object, mask: set[str] | None) -> dict[str, str]:
    if not isinstance(request, dict):
        raise errors.not_an_object("UpdateMemberRequest")
    one = _camel(request, ("member", "updateMask"), "requests")
    if not isinstance(one.get("member"), dict):
        raise errors.invalid("requests.member", "Each request needs a member.")
    own = _mask(one.get("updateMask"))
    if own is not None and own != mask:
        raise errors.invalid("requests.update_mask", "Must be the same as the mask of the batch.")
    return read_member(one["member"], "requests.member")


_SERVICE = "SpacesService."
_MEMBERS = "/v2/spaces/{space}/members"
_MEMBER = _MEMBERS + "/{member}"
METHODS = [
    method(
        "GET", _MEMBERS, "spaces.members.list", _SERVICE + "ListMembers", READ, list_members,
        page_of("members", MEMBER), parameters=PAGE,
    ),
    method(
        "POST", _MEMBERS, "spaces.members.create", _SERVICE + "CreateMember", OWN_APP, create_member, MEMBER,
        quota="write",
    ),
    method(
        "POST", _MEMBERS + ":batchUpdate", "spaces.members.batchUpdate", _SERVICE + "BatchUpdateMembers", OWN_APP,
        batch_update_members, {"members": MEMBER}, quota="write",
    ),
    method("GET", _MEMBER, "spaces.members.get", _SERVICE + "GetMember", READ, get_member, MEMBER),
    method(
        "PATCH", _MEMBER, "spaces.members.patch", _SERVICE + "UpdateMember", OWN_APP, patch_member, MEMBER,
        quota="write", parameters=("updateMask",),
    ),
    method(
        "DELETE", _MEMBER, "spaces.members.delete", _SERVICE + "DeleteMember", OWN_APP, delete_member, {},
        quota="write",
    ),
]  # fmt: skip
