"""`bounds` judges by the document that is committed, without a fleet."""

import json
from pathlib import Path
from typing import Any

import pytest
from bounds import Bounds

COURSE = "01a0c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d"


@pytest.fixture(scope="module")
def bounds() -> Bounds:
    document = Path(__file__).parents[2] / "services/gateway/openapi.json"
    return Bounds(json.loads(document.read_text()))


def course(**fields: Any) -> dict[str, Any]:
    return {"language": "ru", "title": "Швейное дело"} | fields


def lesson(**fields: Any) -> dict[str, Any]:
    return {"title": "Выкройка"} | fields


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("CreateCourse", course()),
        ("CreateCourse", course(summary=None, level=1, tags=["шитьё"])),
        ("UpdateCourse", {"title": "Другое"}),
        ("UpdateCourse", {"state": "STATE_DRAFT", "courseId": "x"}),
        ("CreateLesson", lesson(text={"markdown": "Да."})),
        ("CreateLesson", lesson(content="text", text={"markdown": "Да."}, weight="7")),
        ("CreateLesson", {"title": "x", "free_preview": True, "file": None}),
        ("PublishRun", None),
    ],
)
def test_what_is_taken_breaks_nothing(bounds: Bounds, operation: str, body: Any) -> None:
    path = {"courseId": COURSE, "sectionId": COURSE, "runId": COURSE}
    assert bounds.broken(operation, body, {"path": path}) == []


@pytest.mark.parametrize(
    ("operation", "body", "where"),
    [
        ("CreateCourse", course(title=""), "body.title"),
        ("CreateCourse", course(title="x" * 201), "body.title"),
        ("CreateCourse", {"language": "ru"}, "body"),
        ("CreateCourse", {}, "body"),
        ("CreateCourse", course(tags=["t"] * 21), "body.tags"),
        ("CreateCourse", course(tags=[""]), "body.tags[0]"),
        ("UpdateCourse", {"title": ""}, "body.title"),
        ("CreateLesson", lesson(weight=101, text={"markdown": "Да."}), "body"),
        ("CreateLesson", lesson(text={"markdown": ""}), "body"),
        ("SaveAnswers", {"answers": []}, "body.answers"),
    ],
)
def test_what_breaks_a_bound_is_named(bounds: Bounds, operation: str, body: Any, where: str) -> None:
    told = bounds.broken(operation, body, {})
    assert told and told[0].startswith(where), told


def test_parameters_are_judged_too(bounds: Bounds) -> None:
    assert bounds.broken("GetCourse", None, {"path": {"courseId": "x"}})
    assert bounds.broken("SearchCourses", None, {"query": {"query": "x" * 201}})
    assert not bounds.broken("SearchCourses", None, {"query": {"query": "пальто"}})


def test_a_parameter_that_is_needed_is_missed(bounds: Bounds) -> None:
    assert bounds.broken("GetCourse", None, {"path": {}}) == ["courseId: it is missing"]
    assert bounds.broken("CreateOrder", {"productId": COURSE}, {"header": {}}) == ["idempotency-key: it is missing"]
    assert not bounds.broken("CreateOrder", {"productId": COURSE}, {"header": {"Idempotency-Key": "12345678"}})
    assert bounds.broken("CreateOrder", {"productId": COURSE}, {"header": {"Idempotency-Key": "1"}})


def test_a_number_is_a_number(bounds: Bounds) -> None:
    query = {"query": "пальто"}
    assert bounds.broken("SearchCourses", None, {"query": query | {"pageSize": "many"}})
    assert not bounds.broken("SearchCourses", None, {"query": query | {"pageSize": "7"}})
