"""One way to ask Meet, whichever official client does the asking: plain JSON in, plain JSON out, refusals as Refused."""

import json
from typing import Any, Protocol

from google.api_core import exceptions
from google.apps import meet_v2
from google.auth.credentials import Credentials
from google.protobuf import field_mask_pb2, json_format
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

JSON = dict[str, Any]


class Refused(Exception):
    """Google said no: HTTP code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Caller(Protocol):
    """Somebody who asks Meet. Names are resource names; settings are the JSON of SpaceConfig."""

    def create(self, config: JSON) -> JSON:
        """spaces.create."""

    def get(self, name: str, *, fields: str | None = None) -> JSON:
        """spaces.get."""

    def patch(self, name: str, config: JSON, mask: str) -> JSON:
        """spaces.patch."""

    def end(self, name: str) -> JSON:
        """spaces.endActiveConference."""

    def members(self, space: str) -> list[JSON]:
        """spaces.members.list, all pages."""

    def add_member(self, space: str, member: JSON) -> JSON:
        """spaces.members.create."""

    def member(self, name: str) -> JSON:
        """spaces.members.get."""

    def patch_member(self, name: str, member: JSON, mask: str) -> JSON:
        """spaces.members.patch."""

    def remove_member(self, name: str) -> JSON:
        """spaces.members.delete."""

    def batch_members(self, space: str, members: list[JSON], mask: str) -> list[JSON]:
        """spaces.members.batchUpdate."""

    def records(self, condition: str, *, page_size: int = 0, page_token: str = "") -> JSON:
        """conferenceRecords.list, one page."""

    def record(self, name: str) -> JSON:
        """conferenceRecords.get."""

    def children(self, parent: str, collection: str) -> list[JSON]:
        """The first page of participants, recordings, transcripts or smartNotes of a record."""

    def close(self) -> None:
        """No more questions."""


class Gapic:
    """google-apps-meet, over REST."""

    def __init__(self, credentials: Credentials, *, endpoint: str | None = None) -> None:
        options = {"api_endpoint": endpoint} if endpoint else {}
        self.spaces = meet_v2.SpacesServiceClient(
            transport="rest", credentials=credentials, client_options=options
        )
        self.recorded = meet_v2.ConferenceRecordsServiceClient(
            transport="rest", credentials=credentials, client_options=options
        )

    def _ask(self, method: Any, *, mask: str | None = None, **arguments: Any) -> Any:
        metadata = [("x-goog-fieldmask", mask)] if mask else []
        try:
            return method(**arguments, retry=None, timeout=30, metadata=metadata)
        except exceptions.GoogleAPICallError as refusal:
            raise Refused(int(refusal.code or 0), str(refusal.message)) from None

    def create(self, config: JSON) -> JSON:
        """spaces.create."""
        return _plain(self._ask(self.spaces.create_space, space=_space({"config": config})))

    def get(self, name: str, *, fields: str | None = None) -> JSON:
        """spaces.get."""
        return _plain(self._ask(self.spaces.get_space, name=name, mask=fields))

    def patch(self, name: str, config: JSON, mask: str) -> JSON:
        """spaces.patch."""
        space = _space({"name": name, "config": config})
        return _plain(self._ask(self.spaces.update_space, space=space, update_mask=_mask(mask)))

    def end(self, name: str) -> JSON:
        """spaces.endActiveConference."""
        self._ask(self.spaces.end_active_conference, name=name)
        return {}

    def members(self, space: str) -> list[JSON]:
        """spaces.members.list."""
        return [_plain(each) for each in self._ask(self.spaces.list_members, parent=space)]

    def add_member(self, space: str, member: JSON) -> JSON:
        """spaces.members.create."""
        return _plain(self._ask(self.spaces.create_member, parent=space, member=_member(member)))

    def member(self, name: str) -> JSON:
        """spaces.members.get."""
        return _plain(self._ask(self.spaces.get_member, name=name))

    def patch_member(self, name: str, member: JSON, mask: str) -> JSON:
        """spaces.members.patch."""
        changed = _member({"name": name, **member})
        return _plain(self._ask(self.spaces.update_member, member=changed, update_mask=_mask(mask)))

    def remove_member(self, name: str) -> JSON:
        """spaces.members.delete."""
        self._ask(self.spaces.delete_member, name=name)
        return {}

    def batch_members(self, space: str, members: list[JSON], mask: str) -> list[JSON]:
        """spaces.members.batchUpdate."""
        request = meet_v2.BatchUpdateMembersRequest(
            parent=space,
            requests=[meet_v2.UpdateMemberRequest(member=_member(each)) for each in members],
            update_mask=_mask(mask),
        )
        return [_plain(each) for each in self._ask(self.spaces.batch_update_members, request=request).members]

    def records(self, condition: str, *, page_size: int = 0, page_token: str = "") -> JSON:
        """conferenceRecords.list."""
        request = meet_v2.ListConferenceRecordsRequest(
            filter=condition, page_size=page_size, page_token=page_token
        )
        return _plain(next(self._ask(self.recorded.list_conference_records, request=request).pages))

    def record(self, name: str) -> JSON:
        """conferenceRecords.get."""
        return _plain(self._ask(self.recorded.get_conference_record, name=name))

    def children(self, parent: str, collection: str) -> list[JSON]:
        """A collection of a record."""
        lister = {
            "participants": self.recorded.list_participants,
            "recordings": self.recorded.list_recordings,
            "transcripts": self.recorded.list_transcripts,
            "smartNotes": self.recorded.list_smart_notes,
        }[collection]
        page = _plain(next(self._ask(lister, parent=parent).pages))
        found: list[JSON] = page.get(collection, [])
        return found

    def close(self) -> None:
        """No more questions."""
        self.spaces.transport.close()
        self.recorded.transport.close()


def _plain(message: Any) -> JSON:
    """A message of the library as the JSON it came from; fields that were not sent stay away."""
    found: JSON = json_format.MessageToDict(type(message).pb(message))
    return found


def _space(body: JSON) -> Any:
    return meet_v2.Space.from_json(json.dumps(body))


def _member(body: JSON) -> Any:
    return meet_v2.Member.from_json(json.dumps(body))


def _mask(text: str) -> field_mask_pb2.FieldMask:
    mask = field_mask_pb2.FieldMask()
    mask.FromJsonString(text)
    return mask


class Dynamic:
    """google-api-python-client, from the discovery document it brings."""

    def __init__(self, credentials: Credentials, *, endpoint: str | None = None) -> None:
        options = {"api_endpoint": endpoint} if endpoint else {}
        self.client = build(
            "meet",
            "v2",
            credentials=credentials,
            client_options=options,
            cache_discovery=False,
            static_discovery=True,
        )
        self.spaces = self.client.spaces()
        self.recorded = self.client.conferenceRecords()

    def _ask(self, request: Any) -> JSON:
        try:
            found: JSON = request.execute()
        except HttpError as refusal:
            error = json.loads(refusal.content)["error"]
            raise Refused(error["code"], error["message"]) from None
        return found

    def create(self, config: JSON) -> JSON:
        """spaces.create."""
        return self._ask(self.spaces.create(body={"config": config}))

    def get(self, name: str, *, fields: str | None = None) -> JSON:
        """spaces.get."""
        return self._ask(self.spaces.get(name=name, fields=fields))

    def patch(self, name: str, config: JSON, mask: str) -> JSON:
        """spaces.patch."""
        return self._ask(self.spaces.patch(name=name, body={"config": config}, updateMask=mask))

    def end(self, name: str) -> JSON:
        """spaces.endActiveConference."""
        return self._ask(self.spaces.endActiveConference(name=name, body={}))

    def members(self, space: str) -> list[JSON]:
        """spaces.members.list."""
        found: list[JSON] = []
        token = None
        while True:
            page = self._ask(self.spaces.members().list(parent=space, pageToken=token))
            found += page.get("members", [])
            token = page.get("nextPageToken")
            if not token:
                return found

    def add_member(self, space: str, member: JSON) -> JSON:
        """spaces.members.create."""
        return self._ask(self.spaces.members().create(parent=space, body=member))

    def member(self, name: str) -> JSON:
        """spaces.members.get."""
        return self._ask(self.spaces.members().get(name=name))

    def patch_member(self, name: str, member: JSON, mask: str) -> JSON:
        """spaces.members.patch."""
        return self._ask(self.spaces.members().patch(name=name, body=member, updateMask=mask))

    def remove_member(self, name: str) -> JSON:
        """spaces.members.delete."""
        return self._ask(self.spaces.members().delete(name=name))

    def batch_members(self, space: str, members: list[JSON], mask: str) -> list[JSON]:
        """spaces.members.batchUpdate."""
        body = {"requests": [{"member": each} for each in members], "updateMask": mask}
        found: list[JSON] = self._ask(self.spaces.members().batchUpdate(parent=space, body=body)).get(
            "members", []
        )
        return found

    def records(self, condition: str, *, page_size: int = 0, page_token: str = "") -> JSON:
        """conferenceRecords.list."""
        asked = self.recorded.list(
            filter=condition or None, pageSize=page_size or None, pageToken=page_token or None
        )
        return self._ask(asked)

    def record(self, name: str) -> JSON:
        """conferenceRecords.get."""
        return self._ask(self.recorded.get(name=name))

    def children(self, parent: str, collection: str) -> list[JSON]:
        """A collection of a record."""
        found: list[JSON] = self._ask(getattr(self.recorded, collection)().list(parent=parent)).get(
            collection, []
        )
        return found

    def close(self) -> None:
        """No more questions."""
        self.client.close()


CLIENTS: dict[str, type[Gapic] | type[Dynamic]] = {
    "google-apps-meet": Gapic,
    "google-api-python-client": Dynamic,
}
