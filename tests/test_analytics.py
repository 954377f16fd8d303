"""How a student stands: trend, distribution, what if, and what it takes (issue: averages)."""

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest
from factories import School, SignIn
from test_final_marks import FIVE_POINT, marks, rules
from typing_extensions import override

from dnevnik_api.analytics.policy import Given, counted, trend, ways_to
from dnevnik_api.final_marks.policy import Counted, FinalValues, Taken, propose
from dnevnik_api.organizations.models import MarkScale, RetakesCount

# Day, value, weight of the work: what the teacher of the tests below has given.
MARKS = (
    (date(2026, 9, 9), "5", "1"),
    (date(2026, 9, 16), "3", "2.5"),
    (date(2026, 9, 23), "н/а", "1"),
    (date(2026, 10, 7), "4-", "1"),
    (date(2026, 10, 14), "5", "1"),
)
NUMBERS = {"5": 5, "4-": 4, "3": 3}


async def give(school: School) -> None:
    for day, value, weight in MARKS:
        [lesson] = await school.run(
            "INSERT INTO lessons (organization_id, journal_id, group_id, teacher_id, lesson_date,"
            " number, begins_at, ends_at) VALUES ($1, $2, $3, $4, $5, 7,"
            " $5::date + interval '15 hours', $5::date + interval '16 hours') RETURNING id",
            school.id,
            school.journal_id,
            school.class_id,
            school.teacher.id,
            day,
        )
        [work] = await school.run(
            "INSERT INTO works (organization_id, lesson_id, journal_id, lesson_date, work_type_id,"
            " weight) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            school.id,
            lesson["id"],
            school.journal_id,
            day,
            school.work_type_id,
            Decimal(weight),
        )
        await school.run(
            "INSERT INTO marks (organization_id, work_id, lesson_id, journal_id, lesson_date,"
            " student_id, ordinal, value, numeric, counts, version, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, 1, now())",
            school.id,
            work["id"],
            lesson["id"],
            school.journal_id,
            day,
            school.student.id,
            value,
            NUMBERS.get(value),
            value in NUMBERS,
        )


def averages(*more: tuple[int, str], until: date = date(2026, 12, 31)) -> tuple[float, float]:
    """Work the plain and the weighted average out apart from the program."""
    pairs = [
        (NUMBERS[value], Decimal(weight))
        for day, value, weight in MARKS
        if value in NUMBERS and day <= until
    ]
    pairs += [(number, Decimal(weight)) for number, weight in more]
    plain = Decimal(sum(number for number, _ in pairs)) / len(pairs)
    weighted = sum(number * weight for number, weight in pairs) / sum(w for _, w in pairs)
    plain, weighted = (
        one.quantize(Decimal("0.01"), ROUND_HALF_UP) for one in (plain, Decimal(weighted))
    )
    return float(plain), float(weighted)


def path(school: School, what: str) -> str:
    return f"/journals/{school.journal_id}/students/{school.student.id}/{what}"


def shown(figures: dict[str, Any]) -> tuple[str, str]:
    return figures["average"], figures["weighted_average"]


@pytest.mark.clause("Е.3", "Ж.1", "Ж.3")
async def test_the_trend_and_the_distribution_are_told(as_: SignIn, school: School) -> None:
    await give(school)
    period = {"reporting_period_id": school.quarter_id}
    for person in (school.student, school.guardian, school.teacher, school.homeroom_teacher):
        answer = await as_(person).get(path(school, "analytics"), params=period)
        assert answer.status_code == 200, answer.text
    told = answer.json()
    assert shown(told["now"]) == averages()
    assert (told["now"]["marks"], told["now"]["proposal"]) == (4, "4")
    september, october = told["trend"]
    assert (september["month"], september["new_marks"]) == ("2026-09-01", 3)
    assert shown(september) == averages(until=date(2026, 9, 30))
    assert shown(october) == averages()
    assert september["proposal"] is None, "two marks are too few"
    times = {one["value"]: one["times"] for one in told["distribution"]}
    assert times == {"5": 2, "3": 1, "4-": 1, "н/а": 1}
    assert told["distribution"][0] == {"value": "5", "times": 2}


@pytest.mark.clause("Е.3", "Ж.3")
async def test_what_if_and_what_it_takes_are_worked_out_and_not_kept(
    as_: SignIn, school: School
) -> None:
    await give(school)
    ask = {
        "reporting_period_id": school.quarter_id,
        "marks": [{"value": "5", "weight": 2}, {"value": "н/а"}],
        "wanted": "5",
    }
    answer = await as_(school.student).post(path(school, "forecast"), json=ask)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert shown(told["now"]) == averages()
    assert shown(told["then"]) == averages((5, "2"))
    assert told["wanted_from"] == 4.5
    # Only fives lead to a five; so many of them and not one less.
    [way] = told["ways"]
    reached = averages((5, "2"), *[(5, "1")] * way["count"])[1]
    short = averages((5, "2"), *[(5, "1")] * (way["count"] - 1))[1]
    assert way["value"] == "5"
    assert (way["average"], reached >= 4.5, short < 4.5) == (reached, True, True)
    again = await as_(school.student).post(path(school, "forecast"), json={**ask, "marks": []})
    assert shown(again.json()["then"]) == averages()


@pytest.mark.clause("Ж.1", "Д.9")
async def test_nobody_elses_figures_are_found(
    as_: SignIn, school: School, other_school: School
) -> None:
    period = {"reporting_period_id": school.quarter_id}
    ask = {**period, "wanted": "5"}

    async def both(client: httpx.AsyncClient) -> list[int]:
        read = await client.get(path(school, "analytics"), params=period)
        asked = await client.post(path(school, "forecast"), json=ask)
        return [read.status_code, asked.status_code]

    strangers = (
        school.classmate,
        school.other_guardian,
        school.other_teacher,
        other_school.deputy,
        other_school.student,
    )
    for person in strangers:
        assert await both(as_(person)) == [404, 404], person.full_name
    assert await both(as_(school.director)) == [200, 200]
    student = as_(school.student)
    for wrong, pointer in (
        ({"marks": [{"value": "17"}]}, "/marks/0/value"),
        ({"wanted": "отлично"}, "/wanted"),
        ({"marks": [{"value": "5", "weight": 0}]}, "/marks/0/weight"),
        ({"weight": "1"}, "/weight"),
        ({"reporting_period_id": 0}, "/reporting_period_id"),
    ):
        answer = await student.post(path(school, "forecast"), json={**ask, **wrong})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
    none = await student.get(path(school, "analytics"), params={"reporting_period_id": 10**12})
    assert none.status_code == 404


def test_a_goal_that_is_reached_takes_none_and_one_out_of_reach_has_no_way() -> None:
    reached = ways_to(4, marks(5, 5, 5), rules(), FIVE_POINT, Decimal(1))
    assert {way.value: way.count for way in reached} == {5: 0, 4: 0, 3: 0, 2: 0}
    twos = marks(*[2] * 40)
    assert ways_to(5, twos, rules(), FIVE_POINT, Decimal(1)) == []
    heavy = ways_to(5, twos, rules(), FIVE_POINT, Decimal(100))
    assert {way.value: way.count for way in heavy} == {5: 2}
    few = ways_to(5, marks(5), rules(), FIVE_POINT, Decimal(1))
    assert {way.value: way.count for way in few}[5] == 2, "three marks are needed at least"
    assert counted([Given(date(2026, 9, 1), "н/а", None)], RetakesCount.RETAKE) == []


def test_a_goal_is_reached_by_way_of_a_higher_value_too() -> None:
    """A school that gives a four from 4.8 on only gives fives from 4.5 on."""
    strict = rules(thresholds=[{"value": 4, "average_from": "4.8"}])
    assert propose(marks(5, 5, 5, 4), strict, FIVE_POINT, fewest=3).value == "5"
    found = ways_to(4, marks(5, 4), strict, FIVE_POINT, Decimal(1))
    assert [(way.value, way.count) for way in found] == [(5, 1)]
    lowest = ways_to(2, marks(2, 2), strict, FIVE_POINT, Decimal(1))
    assert {way.count for way in lowest} == {1}


def test_a_retake_changes_no_month_before_its_own() -> None:
    one = Decimal(1)
    given = [
        Given(date(2026, 9, 9), "2", Taken(1, None, date(2026, 9, 9), Counted(2, one))),
        Given(date(2026, 9, 23), "4", Taken(2, None, date(2026, 9, 23), Counted(4, one))),
        Given(date(2026, 10, 7), "5", Taken(3, 1, date(2026, 10, 7), Counted(5, one))),
    ]
    september, october = trend(given, RetakesCount.RETAKE, rules(), FIVE_POINT)
    assert (september.found.average, october.found.average) == (Decimal("3.00"), Decimal("4.50"))


class Asked(dict[int, str]):
    """The values of a scale, which count how often they are gone through."""

    times = 0

    @override
    def __iter__(self) -> Iterator[int]:
        self.times += 1
        return super().__iter__()


def test_ways_on_a_scale_of_a_hundred_points_go_through_it_once() -> None:
    """All else of the server waits meanwhile."""
    points = Asked({number: str(number) for number in range(101)})
    hundred = FinalValues(MarkScale.HUNDRED_POINT, points)
    found = ways_to(90, marks(80), rules(fewest_marks=1), hundred, Decimal(1))
    assert {way.value: way.count for way in found} == {
        value: next(n for n in range(21) if 80 + value * n >= Decimal("89.495") * (n + 1))
        for value in range(100, 89, -1)
    }
    assert points.times <= 2
