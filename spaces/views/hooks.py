"""Where other machines call us. Public by nature, so each of these proves for itself who calls."""

import logging

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from spaces import tasks
from spaces.access import SYSTEM
from spaces.google.errors import GoogleError
from spaces.google.pubsub import LARGEST, NotAuthentic, NotMeant
from spaces.sync import events

logger = logging.getLogger(__name__)


@csrf_exempt  # the signed token of each request takes the place of a form's token
@login_not_required
@require_POST
def google_pubsub(request: HttpRequest) -> HttpResponse:
    """A push of Cloud Pub/Sub with one event. Stored, answered at once, dealt with by a worker.

    404 while push is not configured; 401 without Google's signature for us, 403 when it is somebody else's. Everything that is
    authentic gets 204, also duplicates and nonsense: any other answer would bring it back for days. 503: Google's keys are
    unavailable, come again.
    """
    if settings.PUSH is None or settings.PUSH.pull:
        raise Http404
    # Cut off, so that it is stored as unreadable: a refusal would be repeated for days. Meet's events are far smaller.
    body = request.read(LARGEST)
    try:
        events.receive(authorization=request.headers.get("Authorization", ""), body=body, actor=SYSTEM)
    except NotAuthentic as refusal:
        logger.warning("a push was refused: %s", refusal)
        return HttpResponse(status=403 if isinstance(refusal, NotMeant) else 401)
    except GoogleError as error:
        logger.warning("a push could not be checked: %s", error.detail)
        return HttpResponse(status=503)
    tasks.events_wait()
    return HttpResponse(status=204)
