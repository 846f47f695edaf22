"""What may differ between the build before "the house, once more" and the one after it, and why: section 5 of that change."""

import re
from typing import Any

# Both ways round: a refusal by state was 412 and is 409, a stale version was 409 and is 412.
SWAPPED = {(412, 409): "a refusal by state is 409", (409, 412): "a stale version is 412"}
# Refusals that told of a thing that is not there, or of a wrong value, as if it were a matter of state.
MOVED = {"PROMO_CODE_UNKNOWN", "PROMO_CODE_NOT_FOUND"}
# What is made was a member of the body; its fields are those of the body now.
MADE = re.compile(r"^(course|run|lesson)\.")
# Members that tell which case of a union an answer holds.
UNIONS = ("kind", "content", "discount")
# They were refused as if it were a matter of state, and are wrong values.
WRONG = {"CONTENT_TYPE_NOT_ALLOWED", "KIND_NOT_ALLOWED", "SIZE_NOT_ALLOWED", "NOT_A_PAPER"}
MADE_ITSELF = re.compile(r"(course|run|lesson|sectionId|position) ")
BOUND = re.compile("TOO_SHORT|TOO_LONG|TOO_MANY_ITEMS")
STATUS = ("status", "body.status", "body.title", "body.type")


def whole(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """Why the answer as a whole is another one, so that nothing in it need be compared."""
    operation, _, rest = old["step"].partition("/")
    note = rest.partition("/")[2]
    code = new["body"].get("code") if isinstance(new["body"], dict) else None
    if operation in ("CreateCourse", "CreateRun", "CreateLesson") and (
        MADE_ITSELF.match(note) or note.endswith(" odd")
    ):
        return "what is made is the body itself, and the section stands in the path"
    if old["status"] == new["status"] or code != "INVALID":
        return None
    if old["status"] >= 400:
        return "a bound of the contract speaks before anything is looked up"
    if note.endswith((" blank", "=")):
        return "an empty text is not absence"
    return "a bound of the contract refuses what is too long or too short" if BOUND.search(str(new["body"])) else None


def reason(old: dict[str, Any], new: dict[str, Any], place: str, had: Any, has: Any) -> str | None:
    """Why this difference is expected, if it is."""
    name = re.sub(r"\[\d+\]", "", place).rsplit(".", 1)[-1]
    problem = "problem" in new["headers"].get("content-type", "")
    statuses = (old["status"], new["status"])
    code = old["body"].get("code") if isinstance(old["body"], dict) else None
    if place in STATUS and (statuses in SWAPPED or code in MOVED):
        return SWAPPED.get(statuses, "what is not there is 404, what is wrong 422")
    if place in STATUS and code in WRONG and statuses == (412, 400):
        return "a wrong value is 400, whatever it was called"
    if "etag" in old["step"].split("/")[-1] and new["status"] == 400:
        return "no field and no parameter `etag` any more"
    if old["step"].endswith("/empty"):
        return "an empty body stands for an object without fields"
    if name == "etag" or (place in ("headers.cache-control", "headers.vary") and new["status"] in (200, 304)):
        return "versions are told by ETag and If-Match alone; every read is conditional"
    if old["step"].endswith("/known") and new["status"] == 304:
        return "versions are told by ETag and If-Match alone; every read is conditional"
    if has is ... and had == "":
        return "what is absent is absent, no empty text"
    if has is ... and isinstance(had, str) and had.endswith("_UNSPECIFIED"):
        return "no …_UNSPECIFIED in answers"
    if problem and had is ... and place in ("body.params", "body.code"):
        return "problems tell codes and params"
    if place.startswith("body.violations") and problem:
        return violation(name, had, has)
    if name == "userAgent":
        return "another program fills the demo school"
    if had is ... and name in UNIONS and not problem:
        return "unions tell which of them they are"
    return None


def violation(name: str, had: Any, has: Any) -> str | None:
    """Fields that were refused before have to be refused still."""
    if name in ("code", "params") and had is ...:
        return "violations tell codes and params"
    if name == "tags":
        return "what is wrong inside a list is told with its whole path"
    if name == "message":
        return "a bound of the contract speaks first, in its own words"
    return "the contract's bounds find more at once" if had is ... else None
