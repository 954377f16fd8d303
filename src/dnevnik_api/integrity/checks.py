"""What the weekly check of the data looks for (А.21); each has a statement of its name."""

from enum import StrEnum

from dnevnik_api.errors import Text


class Check(StrEnum):
    """An inconsistency that is looked for; also the name of the ``.sql`` file that finds it.

    The statements give (id, name, method, path): what is wrong, and the request that mends it.
    """

    STUDENTS_WITHOUT_CLASS = "students_without_class"
    STUDENTS_WITHOUT_GUARDIANS = "students_without_guardians"
    GUARDIANS_WITHOUT_CONTACTS = "guardians_without_contacts"
    NEAR_DUPLICATES = "near_duplicates"
    CLASSES_WITHOUT_HOMEROOM_TEACHER = "classes_without_homeroom_teacher"
    GROUPS_WITHOUT_STUDENTS = "groups_without_students"
    ENROLMENTS_OUTSIDE_YEAR = "enrolments_outside_year"
    DAYS_WITHOUT_PERIOD = "days_without_period"
    JOURNALS_WITHOUT_TEACHER = "journals_without_teacher"
    JOURNALS_WITHOUT_LESSONS = "journals_without_lessons"
    JOURNALS_WITHOUT_PLAN = "journals_without_plan"
    LESSONS_WITHOUT_PLAN_ITEM = "lessons_without_plan_item"
    LESSONS_ON_HOLIDAYS = "lessons_on_holidays"
    JOURNALS_OF_FORMER_TEACHERS = "journals_of_former_teachers"
    TIMETABLES_OF_FORMER_TEACHERS = "timetables_of_former_teachers"
    LESSONS_OF_FORMER_TEACHERS = "lessons_of_former_teachers"
    TIMETABLES_WITHOUT_BELL = "timetables_without_bell"


TITLES: dict[Check, Text] = {
    Check.STUDENTS_WITHOUT_CLASS: Text("Учащиеся без класса", "Students without a class"),
    Check.STUDENTS_WITHOUT_GUARDIANS: Text(
        "Учащиеся без родителей (представителей)", "Students without guardians"
    ),
    Check.GUARDIANS_WITHOUT_CONTACTS: Text(
        "Родители без телефона и e-mail", "Guardians without contacts"
    ),
    Check.NEAR_DUPLICATES: Text("Возможные повторы людей", "People who may be the same"),
    Check.CLASSES_WITHOUT_HOMEROOM_TEACHER: Text(
        "Классы без классного руководителя", "Classes without a homeroom teacher"
    ),
    Check.GROUPS_WITHOUT_STUDENTS: Text(
        "Классы и группы без учащихся", "Classes and groups without students"
    ),
    Check.ENROLMENTS_OUTSIDE_YEAR: Text(
        "Зачисления вне учебного года", "Enrolments outside the academic year"
    ),
    Check.DAYS_WITHOUT_PERIOD: Text(
        "Параллели с учебными днями вне отчётных периодов",
        "Grades with school days in no reporting period",
    ),
    Check.JOURNALS_WITHOUT_TEACHER: Text("Журналы без педагога", "Journals without a teacher"),
    Check.JOURNALS_WITHOUT_LESSONS: Text("Журналы без уроков", "Journals without lessons"),
    Check.JOURNALS_WITHOUT_PLAN: Text(
        "Журналы без календарного плана", "Journals without a lesson plan"
    ),
    Check.LESSONS_WITHOUT_PLAN_ITEM: Text(
        "Уроки, для которых в плане нет темы", "Lessons for which the plan has no item"
    ),
    Check.LESSONS_ON_HOLIDAYS: Text("Уроки в каникулы", "Lessons on holidays"),
    Check.JOURNALS_OF_FORMER_TEACHERS: Text(
        "Журналы у тех, кто уже не педагог", "Journals of people who are no teachers any more"
    ),
    Check.TIMETABLES_OF_FORMER_TEACHERS: Text(
        "Расписание у тех, кто уже не педагог", "Timetables of people who are no teachers any more"
    ),
    Check.LESSONS_OF_FORMER_TEACHERS: Text(
        "Уроки у тех, кто уже не педагог", "Lessons of people who are no teachers any more"
    ),
    Check.TIMETABLES_WITHOUT_BELL: Text(
        "Уроки расписания без звонка", "Timetable hours without a bell"
    ),
}
