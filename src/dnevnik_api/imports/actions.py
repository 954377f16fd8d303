"""What each file does: rows find their records, all are checked, then all are written."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from dnevnik_api.classes.models import Enrolment, GroupKind, HomeroomAssignment
from dnevnik_api.consents.models import Consent, ConsentPurpose
from dnevnik_api.errors import CONFLICT, CONSENT_MISSING, Text
from dnevnik_api.lessons.models import Journal
from dnevnik_api.organizations.models import AcademicYear
from dnevnik_api.organizations.repository import AcademicYearRepository
from dnevnik_api.people.models import Person, RoleAssignment, StaffRole
from dnevnik_api.plans.models import LessonPlan
from dnevnik_api.plans.repository import TOO_MANY, PlanRepository
from dnevnik_api.plans.schemas import MAX_ITEMS
from dnevnik_api.policy import TEACHING, Actor, Permission, Role
from dnevnik_api.tasks.actions import Kind, Progress, Work, unnoticed
from dnevnik_api.timetable.models import Timetable, Weeks
from dnevnik_api.timetable.repository import NO_SUCH_BELL, TimetableRepository

from .drafts import CellError, Draft, People, in_force, tally
from .repository import Consents, ImportRepository
from .resemblance import MAX_RESEMBLANCES, Acquaintances
from .schemas import (
    CELLS,
    ClassCells,
    GuardianCells,
    ImportKind,
    PlanCells,
    StaffCells,
    StudentCells,
    TimetableCells,
)
from .table import R, Refusals, Table, key_of, read

STAFF = frozenset(Role(role) for role in StaffRole)

_REPEATED = Text("Эта запись уже есть в файле выше.", "The file has this record already above.")
_NO_CLASS = Text(
    "Такого класса или группы в этом учебном году нет.", "No such group in this school year."
)
_NOT_A_CLASS = Text("Это учебная группа, а не класс.", "This is a study group, not a class.")
_OTHER_CLASS = Text(
    "В это время учащийся числится в другом классе: оформите перевод.",
    "The student is in another class then: make a transfer.",
)
_NO_CONSENT = Text(
    "Нужно согласие на обработку данных: документ и дата.",
    "A consent to the processing of data is needed: the document and its date.",
)
_FUTURE_CONSENT = Text("Эта дата ещё не наступила.", "This day is still to come.")
_NO_SUBJECT = Text("Такого предмета нет.", "There is no such subject.")
_NO_ROOM = Text("Такого кабинета нет.", "There is no such room.")
_TWO_ROOMS = Text(
    "Такой кабинет есть в нескольких зданиях: укажите здание.",
    "Several buildings have such a room: give the building.",
)
_NO_WORK_TYPE = Text("Такого вида работы нет.", "There is no such work type.")
_OUTSIDE_YEAR = Text(
    "Дата позже конца учебного года.", "The date is after the end of the school year."
)

# Latin letters that look like Russian ones, as in «5A».
_LOOKALIKES = str.maketrans("abcehkmoptxy", "авсенкмортху")


def _class_key(name: str) -> str:
    return key_of(name).translate(_LOOKALIKES)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked about a file."""

    kind: ImportKind
    validate_only: bool = False
    academic_year_id: int | None = None
    timetable_id: int | None = None


async def import_file(
    session: AsyncSession,
    actor: Actor,
    order: Order,
    file: bytes,
    progress: Progress = unnoticed,
) -> dict[str, Any]:
    """Take a file, all rows or none, and return what ``ImportRead`` tells of it."""
    table: Table[Any] = await read(file, CELLS[order.kind])
    await progress(0, len(table.rows))
    imports = ImportRepository(session)
    async with imports.writing(actor, validate_only=order.validate_only):
        if order.kind is ImportKind.STAFF:
            told = await import_staff(imports, actor, table)
        elif order.kind is ImportKind.TIMETABLE:
            timetables = TimetableRepository(session)
            timetable = await timetables.lock(actor, order.timetable_id or 0)
            year = await AcademicYearRepository(session).get(actor, timetable.academic_year_id)
            told = await import_timetable(imports, timetables, actor, year, timetable, table)
        else:
            year = await AcademicYearRepository(session).get(actor, order.academic_year_id or 0)
            if order.kind is ImportKind.CLASSES:
                told = await import_classes(imports, actor, year, table)
            else:
                told = await import_students(imports, actor, year, table, progress)
    notes = [_warning(code, None, words) for code, words in table.notes]
    warnings = notes + told.pop("warnings", [])
    return {**told, "warnings": warnings, "validate_only": order.validate_only}


def _warning(code: str, cell: str | None, words: Text, person_id: int | None = None) -> Any:
    return {"code": code, "cell": cell, "person_id": person_id, "detail": words._asdict()}


async def _perform(work: Work) -> dict[str, Any]:
    order = Order(**{**work.order, "kind": ImportKind(work.order["kind"])})
    return await import_file(work.session, work.actor, order, work.file, work.progress)


KINDS = tuple(Kind(f"import-{kind}", Permission.IMPORTS_WRITE, _perform) for kind in ImportKind)
"""Imports as long work."""


def job_of(order: Order) -> tuple[str, dict[str, Any]]:
    """Return the kind of the job that does it later, and what the job is told."""
    return f"import-{order.kind}", asdict(order)


async def _each(table: Table[R], take: Callable[[R], list[Draft]]) -> list[list[Draft]]:
    """Take every row, and return each row's records, the main one first; raise IMPORT_REFUSED."""
    # Pure arithmetic over thousands of rows: other requests need not wait for it.
    return await asyncio.to_thread(_take_all, table, take)


def _take_all(table: Table[R], take: Callable[[R], list[Draft]]) -> list[list[Draft]]:
    refusals = Refusals(table.letters)
    taken: dict[Draft, list[Draft]] = {}
    for number, cells in table.rows:
        try:
            main, *others = take(cells)
            if main in taken:
                refusals.add(f"/rows/{number}", "repeated-row", _REPEATED)
            taken[main] = [main, *others]
        except CellError as error:
            refusals.of_row(number, error.title, error.code, error.words)
    refusals.check()
    return list(taken.values())


async def _counted(
    table: Table[R], taken: Sequence[Sequence[Draft]], people: People
) -> dict[str, Any]:
    """Count the rows by what they do, and tell which new persons resemble known ones."""
    warnings = await asyncio.to_thread(_resembling, table, taken, people)
    return {
        **tally(taken),
        "near_duplicates": len(warnings),
        "warnings": warnings[:MAX_RESEMBLANCES],
    }


def _resembling(table: Table[R], taken: Sequence[Sequence[Draft]], people: People) -> list[Any]:
    known = Acquaintances(people.persons)
    told: set[Draft] = set()
    warnings = []
    # Of no row is left out here: a file with a wrong one was refused.
    for (number, _), drafts in zip(table.rows, taken, strict=True):
        for draft in drafts:
            if draft not in people.persons or not draft.is_new or draft in told:
                continue
            told.add(draft)
            if (alike := known.like(draft)) is not None:
                cell = f"{table.letters['Фамилия']}{number}"
                warnings.append(_warning(alike.code, cell, alike.told(), alike.person.id))
    return warnings


async def import_staff(
    imports: ImportRepository, actor: Actor, table: Table[StaffCells]
) -> dict[str, Any]:
    """Add or change employees and give them their roles; nobody is dismissed."""
    people = await imports.people(actor)

    def take(cells: StaffCells) -> list[Draft]:
        person = people.match(cells, "Табельный номер", STAFF)
        people.fill(person, cells)
        terms = [people.give(person, role, cells.begins_on, actor.today) for role in cells.roles]
        return [person, *(term for given in terms for term in given)]

    counts = await _counted(table, await _each(table, take), people)
    await imports.save(actor, Person, people.persons)
    await imports.save(actor, RoleAssignment, people.roles)
    return counts


async def import_classes(
    imports: ImportRepository, actor: Actor, year: AcademicYear, table: Table[ClassCells]
) -> dict[str, Any]:
    """Add or change classes of a school year, with their homeroom teachers."""
    await imports.lock_timetable(actor)
    people = await imports.people(actor)
    groups = await imports.groups(actor, year)
    by_name = {_class_key(group.values["name"]): group for group in groups}
    by_id = {group.id: group for group in groups}
    terms: defaultdict[Draft, list[Draft]] = defaultdict(list)
    for term in await imports.homerooms(actor, year):
        terms[by_id[term.values["group_id"]]].append(term)
    # A new teacher of a class begins today, unless the school year has not begun yet.
    day = max(actor.today, year.begins_on)

    def take(cells: ClassCells) -> list[Draft]:
        key = {"academic_year_id": year.id, "kind": GroupKind.CLASS.value, "name": cells.name}
        new = Draft({**key, "grade": cells.grade, "profile": None})
        group = by_name.setdefault(_class_key(cells.name), new)
        _check_class(group)
        group.fill({"grade": cells.grade, "profile": cells.profile})
        if cells.homeroom_teacher is None:
            return [group]
        title = "Классный руководитель"
        teacher = people.employee(cells.homeroom_teacher, title, day, STAFF)
        return [group, *_appoint(terms[group], group, teacher, year, day)]

    counts = tally(await _each(table, take))
    await imports.save_groups(actor, by_name.values())
    await imports.save(actor, HomeroomAssignment, _all_of(terms))
    return counts


def _check_class(group: Draft) -> None:
    if group.values["kind"] != GroupKind.CLASS:
        raise CellError("Класс", "not-a-class", _NOT_A_CLASS)


def _all_of(drafts: Mapping[Draft, list[Draft]]) -> list[Draft]:
    return [one for several in drafts.values() for one in several]


def _appoint(
    terms: list[Draft], group: Draft, teacher: Draft, year: AcademicYear, day: date
) -> list[Draft]:
    """Make the teacher the class's homeroom teacher from ``day``, or from the year's beginning."""
    current = next((term for term in terms if in_force(term, day)), None)
    if current is not None and current.values["person_id"] == teacher.id:
        return []
    begins_on = day if terms else year.begins_on
    if current is not None:
        begins_on = current.values["ends_on"] = max(day, current.values["begins_on"])
    values = {"group_id": group, "person_id": teacher, "begins_on": begins_on, "ends_on": None}
    terms.append(Draft(values))
    return terms[-1:]


async def import_plan(
    plans: PlanRepository, actor: Actor, plan: LessonPlan, table: Table[PlanCells]
) -> dict[str, int]:
    """Make the rows of the file the items of a locked lesson plan, in their order."""
    work_types = {key_of(name): id_ for id_, name in (await plans.work_types(actor)).items()}
    refusals = Refusals(table.letters)
    items = []
    for number, cells in table.rows:
        named = cells.work_type
        if named is not None and key_of(named) not in work_types:
            refusals.of_row(number, "Вид работы", "unknown-reference", _NO_WORK_TYPE)
        work_type_id = None if named is None else work_types.get(key_of(named))
        items.append({**cells.model_dump(exclude={"work_type"}), "work_type_id": work_type_id})
    if len(items) > MAX_ITEMS:
        refusals.add("", "too_many", TOO_MANY)
    refusals.check()
    return await plans.write_items(actor, plan, items)


async def import_timetable(
    imports: ImportRepository,
    timetables: TimetableRepository,
    actor: Actor,
    year: AcademicYear,
    timetable: Timetable,
    table: Table[TimetableCells],
) -> dict[str, Any]:
    """Add or change entries of a weekly timetable; journals open and get their teachers."""
    week = _Week(year, timetable, await imports.people(actor))
    week.know_places(
        await imports.groups(actor, year),
        await imports.subjects(actor),
        await imports.rooms(actor),
        await imports.bell_numbers(actor, timetable),
    )
    week.know_journals(
        await imports.journals(actor, year), await imports.journal_teachers(actor, year)
    )
    await _each(table, week.take)
    await imports.save(actor, Journal, week.journals.values())
    await imports.save_teachers(actor, _all_of(week.teachers))
    entries = [entry.columns() for entry in week.entries.values()]
    written = await timetables.write_week(actor, timetable, entries, whole=False)
    return {
        "created": written.added,
        "changed": written.changed,
        "unchanged": len(entries) - written.added - written.changed,
        "total": len(entries),
    }


class _Week:
    """The lessons of a week by the names of their groups, subjects, teachers and rooms."""

    def __init__(self, year: AcademicYear, timetable: Timetable, people: People) -> None:
        self._year = year
        self._timetable = timetable
        self._people = people
        self._numbers: frozenset[int] = frozenset()
        self._groups: dict[str, Draft] = {}
        self._subjects: dict[str, Draft] = {}
        self._rooms: defaultdict[str, list[Draft]] = defaultdict(list)
        self._by_id: dict[tuple[str, int | None], Draft] = {}
        self.journals: dict[tuple[Draft, Draft], Draft] = {}
        self.teachers: defaultdict[Draft, list[Draft]] = defaultdict(list)
        self.entries: dict[tuple[int, int, Weeks, Draft], Draft] = {}

    def know_places(
        self,
        groups: Sequence[Draft],
        subjects: Sequence[Draft],
        rooms: Sequence[Draft],
        numbers: frozenset[int],
    ) -> None:
        """Learn the names of groups, subjects and rooms, and for which lessons the bells ring."""
        self._numbers = numbers
        for group in groups:
            self._groups[_class_key(group.values["name"])] = group
            self._by_id["group", group.id] = group
        for subject in subjects:
            self._subjects[key_of(subject.values["name"])] = subject
            self._by_id["subject", subject.id] = subject
        for subject in subjects:
            self._subjects.setdefault(key_of(subject.values["short_name"] or ""), subject)
        for room in rooms:
            self._rooms[key_of(room.values["name"])].append(room)

    def know_journals(self, journals: Iterable[Draft], teachers: Iterable[Draft]) -> None:
        """Learn which journals there are and who teaches them."""
        for journal in journals:
            group = self._by_id["group", journal.values["group_id"]]
            self.journals[group, self._by_id["subject", journal.values["subject_id"]]] = journal
            self._by_id["journal", journal.id] = journal
        for term in teachers:
            self.teachers[self._by_id["journal", term.values["journal_id"]]].append(term)

    def take(self, cells: TimetableCells) -> list[Draft]:
        """Return the row's entry of the week."""
        if cells.number not in self._numbers:
            raise CellError("Урок", "no-bell", NO_SUCH_BELL)
        day = self._timetable.begins_on
        teacher = self._people.employee(cells.teacher, "Педагог", day, TEACHING)
        journal = self._journal(cells)
        self._teach(journal, teacher)
        values = {
            "weekday": cells.weekday,
            "number": cells.number,
            "weeks": cells.weeks,
            "journal_id": journal,
            "teacher_id": teacher,
            "room_id": self._room(cells),
        }
        key = (cells.weekday, cells.number, cells.weeks, journal)
        return [self.entries.setdefault(key, Draft(values))]

    def _journal(self, cells: TimetableCells) -> Draft:
        group = self._groups.get(_class_key(cells.group))
        if group is None:
            raise CellError("Класс или группа", "unknown-reference", _NO_CLASS)
        subject = self._subjects.get(key_of(cells.subject))
        if subject is None:
            raise CellError("Предмет", "unknown-reference", _NO_SUBJECT)
        values = {"group_id": group, "subject_id": subject, "academic_year_id": self._year.id}
        return self.journals.setdefault((group, subject), Draft(values))

    def _teach(self, journal: Draft, teacher: Draft) -> None:
        """Let the teacher teach the journal from the year's beginning, unless they do already."""
        terms = [one for one in self.teachers[journal] if one.columns()["teacher_id"] == teacher.id]
        if any(in_force(term, self._timetable.begins_on) for term in terms):
            return
        values = {"journal_id": journal, "teacher_id": teacher, "ends_on": None}
        begins_on = self._timetable.begins_on if terms else self._year.begins_on
        self.teachers[journal].append(Draft({**values, "begins_on": begins_on}))

    def _room(self, cells: TimetableCells) -> Draft | None:
        if cells.room is None:
            return None
        rooms = [
            room
            for room in self._rooms[key_of(cells.room)]
            if cells.building is None or key_of(room.values["building"]) == key_of(cells.building)
        ]
        if len(rooms) != 1:
            code = "ambiguous" if rooms else "unknown-reference"
            raise CellError("Кабинет", code, _TWO_ROOMS if rooms else _NO_ROOM)
        return rooms[0]


async def import_students(
    imports: ImportRepository,
    actor: Actor,
    year: AcademicYear,
    table: Table[StudentCells],
    progress: Progress = unnoticed,
) -> dict[str, Any]:
    """Add or change students with their guardians, and enrol them; nobody is expelled.

    Only who is where needs the timetable's lock: what a large file takes to work out and to write
    of new people is done before, so that lessons can be changed meanwhile.
    """
    people = await imports.people(actor)
    groups = await imports.groups(actor, year)
    families = _Families(actor, year, people, groups, await imports.consents(actor))
    before = await imports.enrolments(actor, year)
    known = [one.columns() for one in before]
    families.know(before, await imports.guardianships(actor))
    counts = await _counted(table, await _each(table, families.take), people)
    await progress(len(table.rows) // 2, len(table.rows))
    enrolments = _all_of(families.enrolments)
    # Who is new to the school is in no other group yet.
    joining = [
        one
        for one in enrolments
        if (one.is_new or one.is_changed) and not one.values["student_id"].is_new
    ]
    # No row that there is may be locked before the timetable.
    at_once = any(person.is_changed for person in people.persons)
    if at_once:
        await imports.lock_timetable(actor)
    await imports.save(actor, Person, people.persons)
    await imports.save(actor, RoleAssignment, people.roles)
    if not at_once:
        await imports.lock_timetable(actor)
    if [one.columns() for one in await imports.enrolments(actor, year)] != known:
        # Someone was enrolled between the reading and the lock: what was worked out is outdated.
        raise CONFLICT()
    await imports.save_guardianships(actor, _all_of(families.guardianships))
    await imports.save(actor, Enrolment, enrolments)
    await imports.save(actor, Consent, families.consents)
    await imports.check_students(actor, joining)
    return counts


class _Families:
    """Students in their classes, and guardians with their children."""

    def __init__(
        self,
        actor: Actor,
        year: AcademicYear,
        people: People,
        groups: Iterable[Draft],
        consents: Consents,
    ) -> None:
        self._consents = consents
        self.consents: list[Draft] = []
        self._today = actor.today
        self._year = year
        self._people = people
        self._groups = {_class_key(group.values["name"]): group for group in groups}
        self.enrolments: defaultdict[Draft, list[Draft]] = defaultdict(list)
        self.guardianships: defaultdict[Draft, list[Draft]] = defaultdict(list)

    def know(self, enrolments: Iterable[Draft], guardianships: Iterable[Draft]) -> None:
        """Learn what the school has already."""
        persons = {person.id: person for person in self._people.persons}
        groups = {group.id: group for group in self._groups.values()}
        for one in enrolments:
            student = persons[one.values["student_id"]]
            group_id = one.values["group_id"]
            one.values |= {"student_id": student, "group_id": groups.get(group_id, group_id)}
            self.enrolments[student].append(one)
        for one in guardianships:
            student = persons[one.values["student_id"]]
            guardian = persons[one.values["guardian_id"]]
            one.values |= {"student_id": student, "guardian_id": guardian}
            self.guardianships[student].append(one)

    def take(self, cells: StudentCells) -> list[Draft]:
        """Return the row's student with all that belongs to them."""
        group = self._groups.get(_class_key(cells.class_name))
        if group is None:
            raise CellError("Класс", "unknown-reference", _NO_CLASS)
        _check_class(group)
        begins_on = max(cells.begins_on or self._year.begins_on, self._year.begins_on)
        if begins_on > self._year.ends_on:
            raise CellError("Дата зачисления", "outside-academic-year", _OUTSIDE_YEAR)
        student = self._people.match(cells, "Номер личного дела", frozenset({Role.STUDENT}))
        self._people.fill(student, cells)
        # One may sign in before the first day of school.
        since = min(begins_on, self._today)
        drafts = [student, self._enrol(student, group, cells, begins_on)]
        drafts += self._consent(student, cells, joins=drafts[1].is_new)
        drafts += self._people.give(student, Role.STUDENT, since, self._today)
        for guardian in (cells.guardian_1, cells.guardian_2):
            if guardian is not None:
                drafts += self._answer_for(student, guardian, since)
        return drafts

    def _consent(self, student: Draft, cells: StudentCells, *, joins: bool) -> list[Draft]:
        """Return the consent that the row tells of, unless there is one in force already."""
        if student.id in self._consents.given and not student.is_new:
            return []
        if cells.consent is None or cells.consented_on is None:
            if cells.consent or cells.consented_on or (joins and self._consents.required):
                raise CellError("Согласие", CONSENT_MISSING.code, _NO_CONSENT)
            return []
        if cells.consented_on > self._today:
            raise CellError("Дата согласия", "in-the-future", _FUTURE_CONSENT)
        signer = cells.guardian_1 or cells
        names = (signer.last_name, signer.first_name, signer.middle_name)
        given = Draft(
            {
                "person_id": student,
                "purpose": ConsentPurpose.PROCESSING.value,
                "given_by_name": " ".join(name for name in names if name),
                "document": cells.consent,
                "given_on": cells.consented_on,
                "ends_on": None,
                "withdrawn_on": None,
                "withdrawal_document": None,
            }
        )
        self.consents.append(given)
        return [given]

    def _enrol(self, student: Draft, group: Draft, cells: StudentCells, begins_on: date) -> Draft:
        enrolments = self.enrolments[student]
        live = [one for one in enrolments if in_force(one, begins_on)]
        own = next((one for one in live if one.values["group_id"] is group), None)
        if own is not None and own.values["ends_on"] is not None:
            # An old list that is loaded again brings nobody back.
            return own
        if any(one is not own for one in live):
            raise CellError("Класс", "in-another-class", _OTHER_CLASS)
        if own is None:
            own = Draft(
                {
                    "group_id": group,
                    "kind": GroupKind.CLASS.value,
                    "student_id": student,
                    "begins_on": begins_on,
                    "ends_on": None,
                    "order_number": None,
                }
            )
            enrolments.append(own)
        own.fill({"begins_on": cells.begins_on and begins_on, "order_number": cells.order_number})
        return own

    def _answer_for(self, student: Draft, cells: GuardianCells, since: date) -> list[Draft]:
        links = self.guardianships[student]
        guardian = self._people.match_guardian(
            cells, [link.values["guardian_id"] for link in links]
        )
        self._people.fill(guardian, cells)
        own = [link for link in links if link.values["guardian_id"] is guardian]
        live = [link for link in own if in_force(link, self._today)]
        if own and not live:
            # Rights that were ended come back by a deed, not by an old list.
            return [guardian]
        if not live:
            values = {"guardian_id": guardian, "student_id": student, "begins_on": since}
            live = [Draft({**values, "kind": cells.kind.value, "ends_on": None})]
            links += live
        live[0].values["kind"] = cells.kind.value
        return [guardian, live[0]]
