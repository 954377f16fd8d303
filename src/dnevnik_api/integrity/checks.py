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
    PERSONS_WITHOUT_CONSENT = "persons_without_consent"
    TEACHERS_WITHOUT_SUBJECT = "teachers_without_subject"
    CURRICULUM_WITHOUT_JOURNALS = "curriculum_without_journals"
    JOURNALS_OUTSIDE_CURRICULUM = "journals_outside_curriculum"
    TIMETABLE_AGAINST_CURRICULUM = "timetable_against_curriculum"
    # What a school needs before a year begins.
    PROFILE_INCOMPLETE = "profile_incomplete"
    SCHOOL_WITHOUT_SECTIONS = "school_without_sections"
    SCHOOL_WITHOUT_YEAR = "school_without_year"
    SCHOOL_WITHOUT_BELLS = "school_without_bells"
    SCHOOL_WITHOUT_ROOMS = "school_without_rooms"
    SCHOOL_WITHOUT_SUBJECTS = "school_without_subjects"
    SCHOOL_WITHOUT_TEACHERS = "school_without_teachers"
    YEAR_WITHOUT_PERIODS = "year_without_periods"
    YEAR_WITHOUT_HOLIDAYS = "year_without_holidays"
    YEAR_WITHOUT_CLASSES = "year_without_classes"
    YEAR_WITHOUT_TIMETABLE = "year_without_timetable"
    CLASSES_WITHOUT_CURRICULUM = "classes_without_curriculum"
    CLASSES_WITHOUT_JOURNALS = "classes_without_journals"


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
    Check.PERSONS_WITHOUT_CONSENT: Text(
        "Люди без согласия на обработку данных", "People without a consent to processing"
    ),
    Check.TEACHERS_WITHOUT_SUBJECT: Text(
        "Педагоги ведут предмет, с которым не связаны", "Teachers of subjects not linked to them"
    ),
    Check.CURRICULUM_WITHOUT_JOURNALS: Text(
        "Предметы учебного плана без журнала", "Subjects of the curriculum without a journal"
    ),
    Check.JOURNALS_OUTSIDE_CURRICULUM: Text(
        "Журналы предметов, которых нет в учебном плане", "Journals outside the curriculum"
    ),
    Check.TIMETABLE_AGAINST_CURRICULUM: Text(
        "Часы в неделю: в расписании / по учебному плану",
        "Weekly hours: in the timetable / in the curriculum",
    ),
    Check.PROFILE_INCOMPLETE: Text(
        "Незаполненные поля профиля организации", "Empty fields of the school's profile"
    ),
    Check.SCHOOL_WITHOUT_SECTIONS: Text(
        "Нет разделов об образовательном процессе", "No sections of the educational process"
    ),
    Check.SCHOOL_WITHOUT_YEAR: Text("Нет учебного года", "No academic year"),
    Check.SCHOOL_WITHOUT_BELLS: Text("Нет расписания звонков", "No bell schedule"),
    Check.SCHOOL_WITHOUT_ROOMS: Text("Нет кабинетов", "No rooms"),
    Check.SCHOOL_WITHOUT_SUBJECTS: Text("Нет предметов", "No subjects"),
    Check.SCHOOL_WITHOUT_TEACHERS: Text("Нет педагогов", "No teachers"),
    Check.YEAR_WITHOUT_PERIODS: Text("Нет отчётных периодов", "No reporting periods"),
    Check.YEAR_WITHOUT_HOLIDAYS: Text("Нет каникул", "No holidays"),
    Check.YEAR_WITHOUT_CLASSES: Text("Нет классов", "No classes"),
    Check.YEAR_WITHOUT_TIMETABLE: Text("Нет расписания уроков", "No timetable"),
    Check.CLASSES_WITHOUT_CURRICULUM: Text(
        "Классы без учебного плана", "Classes without a curriculum"
    ),
    Check.CLASSES_WITHOUT_JOURNALS: Text("Классы без журналов", "Classes without journals"),
}
