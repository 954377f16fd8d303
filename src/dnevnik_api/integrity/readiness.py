"""What a school prepares before the lessons of a year begin, and until when (2.1)."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from dnevnik_api.errors import Text

from .checks import Check


class Step(StrEnum):
    """A part of the preparation."""

    PROFILE = "profile"
    PERIODS = "periods"
    HOLIDAYS = "holidays"
    BELLS = "bells"
    DIRECTORIES = "directories"
    STAFF = "staff"
    CLASSES = "classes"
    STUDENTS = "students"
    CURRICULUM = "curriculum"
    JOURNALS = "journals"
    TIMETABLE = "timetable"
    PLANS = "plans"


@dataclass(frozen=True, slots=True)
class Part:
    """What a step is called, which checks find nothing once it is done, and by when it is due."""

    title: Text
    clause: str
    checks: tuple[Check, ...]
    due: "Due"


class Due(StrEnum):
    """When a step is due, or twenty days after the school was registered if that is later."""

    SCHOOL_YEAR = "1 September"
    PREPARATION = "5 September"
    PERIOD = "two days before the first period"


DAYS_OF_A_NEW_SCHOOL = timedelta(days=20)
DAYS_BEFORE_PERIOD = timedelta(days=2)

# A step is not done while what it is about is not there: nobody is without a class where none is.
STEPS: dict[Step, Part] = {
    Step.PROFILE: Part(
        Text("Профиль организации", "Profile of the school"),
        "А.10",
        (Check.PROFILE_INCOMPLETE, Check.SCHOOL_WITHOUT_SECTIONS),
        Due.SCHOOL_YEAR,
    ),
    Step.PERIODS: Part(
        Text("Отчётные периоды", "Reporting periods"),
        "А.12",
        (Check.YEAR_WITHOUT_PERIODS, Check.DAYS_WITHOUT_PERIOD),
        Due.SCHOOL_YEAR,
    ),
    Step.HOLIDAYS: Part(
        Text("Каникулы", "Holidays"), "А.12", (Check.YEAR_WITHOUT_HOLIDAYS,), Due.SCHOOL_YEAR
    ),
    Step.BELLS: Part(
        Text("Расписание звонков", "Bell schedules"),
        "А.13",
        (Check.SCHOOL_WITHOUT_BELLS,),
        Due.SCHOOL_YEAR,
    ),
    Step.DIRECTORIES: Part(
        Text("Предметы и кабинеты", "Subjects and rooms"),
        "А.14",
        (Check.SCHOOL_WITHOUT_SUBJECTS, Check.SCHOOL_WITHOUT_ROOMS),
        Due.SCHOOL_YEAR,
    ),
    Step.STAFF: Part(
        Text("Сотрудники", "Staff"), "А.11", (Check.SCHOOL_WITHOUT_TEACHERS,), Due.SCHOOL_YEAR
    ),
    Step.CLASSES: Part(
        Text("Классы и классные руководители", "Classes and their homeroom teachers"),
        "А.15",
        (Check.YEAR_WITHOUT_CLASSES, Check.CLASSES_WITHOUT_HOMEROOM_TEACHER),
        Due.SCHOOL_YEAR,
    ),
    Step.STUDENTS: Part(
        Text("Списки учащихся", "Lists of students"),
        "2.1",
        (
            Check.YEAR_WITHOUT_CLASSES,
            Check.STUDENTS_WITHOUT_CLASS,
            Check.GROUPS_WITHOUT_STUDENTS,
        ),
        Due.PREPARATION,
    ),
    Step.CURRICULUM: Part(
        Text("Учебный план", "Curriculum"),
        "А.14",
        (Check.YEAR_WITHOUT_CLASSES, Check.CLASSES_WITHOUT_CURRICULUM),
        Due.SCHOOL_YEAR,
    ),
    Step.JOURNALS: Part(
        Text("Журналы и их педагоги", "Journals and who teaches them"),
        "2.1",
        (
            Check.YEAR_WITHOUT_CLASSES,
            Check.CLASSES_WITHOUT_JOURNALS,
            Check.CURRICULUM_WITHOUT_JOURNALS,
            Check.JOURNALS_WITHOUT_TEACHER,
        ),
        Due.PREPARATION,
    ),
    Step.TIMETABLE: Part(
        Text("Расписание уроков", "Timetable of lessons"),
        "А.19",
        (
            Check.YEAR_WITHOUT_TIMETABLE,
            Check.TIMETABLES_WITHOUT_BELL,
            Check.JOURNALS_WITHOUT_LESSONS,
            Check.TIMETABLE_AGAINST_CURRICULUM,
        ),
        Due.PERIOD,
    ),
    Step.PLANS: Part(
        Text("Календарно-тематические планы", "Lesson plans"),
        "А.16",
        (
            Check.YEAR_WITHOUT_CLASSES,
            Check.CLASSES_WITHOUT_JOURNALS,
            Check.JOURNALS_WITHOUT_PLAN,
        ),
        Due.PERIOD,
    ),
}


def due_on(due: Due, begins_on: date, first_period_on: date | None, registered_on: date) -> date:
    """Return by when a step is due in a year that begins on a day."""
    match due:
        case Due.SCHOOL_YEAR:
            day = date(begins_on.year, 9, 1)
        case Due.PREPARATION:
            day = date(begins_on.year, 9, 5)
        case Due.PERIOD:
            day = (first_period_on or begins_on) - DAYS_BEFORE_PERIOD
    return max(day, registered_on + DAYS_OF_A_NEW_SCHOOL)


def state(missing: int, due: date, today: date) -> str:
    """Tell whether a step is done, due or overdue."""
    if not missing:
        return "done"
    return "overdue" if today > due else "due"
