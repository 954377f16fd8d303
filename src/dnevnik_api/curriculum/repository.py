from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, delete, select
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.classes.models import Group
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import INVALID, NOT_FOUND, FieldError
from dnevnik_api.history import record_all
from dnevnik_api.lessons.models import Journal, JournalTeacher
from dnevnik_api.lessons.repository import check_teachers, parent_of
from dnevnik_api.organizations.models import AcademicYear, Room, Subject
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.people.repository import among, check_known
from dnevnik_api.policy import Actor

from .models import CurriculumLine, SubjectRoom, SubjectTeacher


class SubjectTeacherRepository:
    """The only writer of who may teach which subject."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, subject_id: int | None, teacher_id: int | None
    ) -> Slice[Any]:
        """Return the links by subject and teacher."""
        links = _subject_teachers(actor)
        if subject_id is not None:
            links = links.where(SubjectTeacher.subject_id == subject_id)
        if teacher_id is not None:
            links = links.where(SubjectTeacher.teacher_id == teacher_id)
        order = (Subject.name, Person.sort_key, SubjectTeacher.id)
        return await paginate(self._session, links, window, *order)

    async def get(self, actor: Actor, link_id: int) -> Any:
        """Return a link with its names, or raise NOT_FOUND."""
        links = _subject_teachers(actor).where(SubjectTeacher.id == link_id)
        return _found((await self._session.scalars(links)).one_or_none())

    async def lock(self, actor: Actor, link_id: int) -> SubjectTeacher:
        """Lock a link in order to remove it."""
        return await records.find(self._session, actor, SubjectTeacher, link_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> SubjectTeacher:
        """Link a subject to someone who is a teacher today or later (CONFLICT a second time)."""
        await records.refer(self._session, actor, Subject, values["subject_id"], "/subject_id")
        teacher = {"/teacher_id": values["teacher_id"]}
        await check_teachers(self._session, actor, teacher, actor.today, None)
        return await records.add(self._session, actor, SubjectTeacher(**values))

    async def remove(self, actor: Actor, link: SubjectTeacher) -> None:
        """Remove a link."""
        await records.remove(self._session, actor, link)


class SubjectRoomRepository:
    """The only writer of where which subject may be taught."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, subject_id: int | None, room_id: int | None
    ) -> Slice[Any]:
        """Return the links by subject and room."""
        links = _subject_rooms(actor)
        if subject_id is not None:
            links = links.where(SubjectRoom.subject_id == subject_id)
        if room_id is not None:
            links = links.where(SubjectRoom.room_id == room_id)
        order = (Subject.name, Room.name, SubjectRoom.id)
        return await paginate(self._session, links, window, *order)

    async def get(self, actor: Actor, link_id: int) -> Any:
        """Return a link with its names, or raise NOT_FOUND."""
        links = _subject_rooms(actor).where(SubjectRoom.id == link_id)
        return _found((await self._session.scalars(links)).one_or_none())

    async def lock(self, actor: Actor, link_id: int) -> SubjectRoom:
        """Lock a link in order to remove it."""
        return await records.find(self._session, actor, SubjectRoom, link_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> SubjectRoom:
        """Link a subject to a room (CONFLICT a second time)."""
        await records.refer(self._session, actor, Subject, values["subject_id"], "/subject_id")
        await records.refer(self._session, actor, Room, values["room_id"], "/room_id")
        return await records.add(self._session, actor, SubjectRoom(**values))

    async def remove(self, actor: Actor, link: SubjectRoom) -> None:
        """Remove a link."""
        await records.remove(self._session, actor, link)


@dataclass(frozen=True, slots=True)
class CurriculumFilters:
    """Which lines are asked for; None asks for all."""

    academic_year_id: int | None = None
    group_id: int | None = None
    subject_id: int | None = None
    teacher_id: int | None = None


class CurriculumRepository:
    """The only writer of the curriculum; a class's row is the lock of its lines."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, filters: CurriculumFilters) -> Slice[Any]:
        """Return the lines by class and subject."""
        lines = _lines(actor)
        if filters.academic_year_id is not None:
            lines = lines.where(Group.academic_year_id == filters.academic_year_id)
        for name in ("group_id", "subject_id", "teacher_id"):
            if (value := getattr(filters, name)) is not None:
                lines = lines.where(getattr(CurriculumLine, name) == value)
        order = (Group.grade, Group.name, Subject.name, CurriculumLine.id)
        return await paginate(self._session, lines, window, *order)

    async def get(self, actor: Actor, line_id: int) -> Any:
        """Return a line with its names, or raise NOT_FOUND."""
        lines = _lines(actor).where(CurriculumLine.id == line_id)
        return _found((await self._session.scalars(lines)).one_or_none())

    async def of_group(self, actor: Actor, group_id: int) -> dict[str, Any]:
        """Return the whole curriculum of a class or study group."""
        group = await records.find(self._session, actor, Group, group_id)
        lines = _lines(actor).where(CurriculumLine.group_id == group.id)
        found = (await self._session.scalars(lines.order_by(Subject.name))).all()
        return {
            "group_id": group.id,
            "group_name": group.name,
            "kind": group.kind,
            "academic_year_id": group.academic_year_id,
            "weekly_hours": sum(line.weekly_hours for line in found),
            "lines": found,
        }

    async def lock(self, actor: Actor, line_id: int) -> CurriculumLine:
        """Lock a line, its class first as every writer of the curriculum does."""
        line = await records.find(self._session, actor, CurriculumLine, line_id)
        await self.lock_group(actor, line.group_id)
        await self._session.refresh(line, with_for_update=True)
        return line

    async def lock_group(self, actor: Actor, group_id: int) -> Group:
        """Lock a class or study group: writers of its curriculum follow one another."""
        return await records.find(self._session, actor, Group, group_id, lock=True)

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> CurriculumLine:
        """Add a subject to the curriculum of a class (CONFLICT a second time)."""
        group = await records.refer(
            self._session, actor, Group, values["group_id"], "/group_id", lock=True
        )
        await records.refer(self._session, actor, Subject, values["subject_id"], "/subject_id")
        await self._check_teachers(actor, group, {"/teacher_id": values["teacher_id"]})
        return await records.add(self._session, actor, CurriculumLine(**values))

    async def change(
        self, actor: Actor, line: CurriculumLine, changes: Mapping[str, Any]
    ) -> CurriculumLine:
        """Change the hours of a locked line, or who is to teach it; its journal stays as it is."""
        if changes.get("teacher_id", line.teacher_id) != line.teacher_id:
            group = await records.find(self._session, actor, Group, line.group_id)
            await self._check_teachers(actor, group, {"/teacher_id": changes["teacher_id"]})
        return await records.change(self._session, actor, line, changes)

    async def remove(self, actor: Actor, line: CurriculumLine) -> None:
        """Remove a line; a journal that was opened from it stays."""
        await records.remove(self._session, actor, line)

    async def write(self, actor: Actor, group: Group, wanted: Sequence[Mapping[str, Any]]) -> None:
        """Make these the curriculum of a locked class; a few statements however many they are."""
        lines = select(CurriculumLine).where(
            CurriculumLine.organization_id == actor.organization_id,
            CurriculumLine.group_id == group.id,
        )
        before = {line.subject_id: line for line in await self._session.scalars(lines)}
        await self._check_subjects(actor, wanted, before)
        await self._check_teachers(
            actor,
            group,
            {
                f"/lines/{place}/teacher_id": values["teacher_id"]
                for place, values in enumerate(wanted)
                if values["teacher_id"]
                != getattr(before.get(values["subject_id"]), "teacher_id", None)
            },
        )
        kept = {
            before.pop(values["subject_id"]): values
            for values in wanted
            if values["subject_id"] in before
        }
        known = {line.subject_id for line in kept}
        new = [
            CurriculumLine(group_id=group.id, **values)
            for values in wanted
            if values["subject_id"] not in known
        ]
        await self._remove_all(actor, list(before.values()))
        await records.change_many(self._session, actor, CurriculumLine, kept)
        await records.add_many(self._session, actor, new)

    async def open_journals(
        self, actor: Actor, year: AcademicYear, group_ids: Sequence[int] | None, *, rehearsal: bool
    ) -> dict[str, Any]:
        """Open the journals of a year's curriculum that are not open yet, with their teachers.

        A ``rehearsal`` tells what would be opened.
        """
        lines = _lines(actor).where(Group.academic_year_id == year.id)
        if group_ids is not None:
            await self._check_groups(actor, year, group_ids)
            lines = lines.where(among(CurriculumLine.group_id, group_ids))
        found = (await self._session.scalars(lines.order_by(*_BY_CLASS))).all()
        missing = [line for line in found if line.journal_id is None]
        journals = [] if rehearsal else await self._open(actor, year, missing)
        return {
            "opened": [
                {
                    "journal_id": None if rehearsal else journals[place].id,
                    **{name: getattr(line, name) for name in _OPENED},
                }
                for place, line in enumerate(missing)
            ],
            "open_before": len(found) - len(missing),
            "without_teacher": sum(line.teacher_id is None for line in missing),
            "validate_only": rehearsal,
        }

    async def _open(self, actor: Actor, year: AcademicYear, lines: Sequence[Any]) -> list[Journal]:
        teachers = {
            f"/curriculum-lines/{line.id}": line.teacher_id
            for line in lines
            if line.teacher_id is not None
        }
        await check_teachers(self._session, actor, teachers, year.begins_on, None)
        journals = [
            Journal(group_id=line.group_id, subject_id=line.subject_id, academic_year_id=year.id)
            for line in lines
        ]
        await records.add_many(self._session, actor, journals)
        taught = [
            JournalTeacher(
                journal_id=journal.id, teacher_id=line.teacher_id, begins_on=year.begins_on
            )
            for journal, line in zip(journals, lines, strict=True)
            if line.teacher_id is not None
        ]
        await records.add_many(self._session, actor, taught)
        return journals

    async def _check_groups(
        self, actor: Actor, year: AcademicYear, group_ids: Sequence[int]
    ) -> None:
        groups = select(Group.id).where(
            Group.organization_id == actor.organization_id,
            Group.academic_year_id == year.id,
            among(Group.id, group_ids),
        )
        known = dict.fromkeys(await self._session.scalars(groups))
        check_known(known, group_ids, [f"/group_ids/{place}" for place in range(len(group_ids))])

    async def _check_subjects(
        self,
        actor: Actor,
        wanted: Sequence[Mapping[str, Any]],
        before: Mapping[int, CurriculumLine],
    ) -> None:
        """Refuse subjects that are unknown, or new in the curriculum and out of use."""
        ids = [values["subject_id"] for values in wanted]
        subjects = select(Subject.id, Subject.archived_on).where(
            Subject.organization_id == actor.organization_id, among(Subject.id, ids)
        )
        archived_on = {row.id: row.archived_on for row in await self._session.execute(subjects)}
        pointers = [f"/lines/{place}/subject_id" for place in range(len(ids))]
        check_known(archived_on, ids, pointers)
        archived = [
            FieldError(pointer, "archived", records.ARCHIVED)
            for pointer, subject_id in zip(pointers, ids, strict=True)
            if archived_on[subject_id] is not None and subject_id not in before
        ]
        if archived:
            raise INVALID(archived)

    async def _check_teachers(
        self, actor: Actor, group: Group, teachers: Mapping[str, int | None]
    ) -> None:
        """Refuse people who are no teachers in the year of a class."""
        year = await records.find(self._session, actor, AcademicYear, group.academic_year_id)
        named = {pointer: one for pointer, one in teachers.items() if one is not None}
        await check_teachers(self._session, actor, named, year.begins_on, year.ends_on)

    async def _remove_all(self, actor: Actor, lines: Sequence[CurriculumLine]) -> None:
        removed = [(line.id, records.columns_of(line), None) for line in lines]
        await self._session.execute(
            delete(CurriculumLine)
            .where(
                CurriculumLine.organization_id == actor.organization_id,
                among(CurriculumLine.id, [line.id for line in lines]),
            )
            .execution_options(synchronize_session=False)
        )
        await record_all(self._session, actor, CurriculumLine.__tablename__, removed)


_BY_CLASS = (Group.grade, Group.name, Subject.name, CurriculumLine.id)
_OPENED = ("group_id", "group_name", "subject_id", "subject_name", "teacher_id", "teacher_name")


def _found(row: Any) -> Any:
    if row is None:
        raise NOT_FOUND()
    return row


def _subject_teachers(actor: Actor) -> Select[Any]:
    row: Bundle[Any] = Bundle(
        "subject_teacher",
        SubjectTeacher.id,
        SubjectTeacher.subject_id,
        Subject.name.label("subject_name"),
        SubjectTeacher.teacher_id,
        Person.full_name.label("teacher_name"),
    )
    return (
        select(row)
        .select_from(SubjectTeacher)
        .join(Subject, parent_of(Subject, SubjectTeacher, SubjectTeacher.subject_id))
        .join(Person, parent_of(Person, SubjectTeacher, SubjectTeacher.teacher_id))
        .where(SubjectTeacher.organization_id == actor.organization_id)
    )


def _subject_rooms(actor: Actor) -> Select[Any]:
    row: Bundle[Any] = Bundle(
        "subject_room",
        SubjectRoom.id,
        SubjectRoom.subject_id,
        Subject.name.label("subject_name"),
        SubjectRoom.room_id,
        Room.name.label("room_name"),
    )
    return (
        select(row)
        .select_from(SubjectRoom)
        .join(Subject, parent_of(Subject, SubjectRoom, SubjectRoom.subject_id))
        .join(Room, parent_of(Room, SubjectRoom, SubjectRoom.room_id))
        .where(SubjectRoom.organization_id == actor.organization_id)
    )


def _lines(actor: Actor) -> Select[Any]:
    row: Bundle[Any] = Bundle(
        "curriculum_line",
        CurriculumLine.id,
        CurriculumLine.group_id,
        Group.name.label("group_name"),
        CurriculumLine.subject_id,
        Subject.name.label("subject_name"),
        CurriculumLine.weekly_hours,
        CurriculumLine.teacher_id,
        Person.full_name.label("teacher_name"),
        Journal.id.label("journal_id"),
        CurriculumLine.version,
    )
    return (
        select(row)
        .select_from(CurriculumLine)
        .join(Group, parent_of(Group, CurriculumLine, CurriculumLine.group_id))
        .join(Subject, parent_of(Subject, CurriculumLine, CurriculumLine.subject_id))
        .outerjoin(Person, parent_of(Person, CurriculumLine, CurriculumLine.teacher_id))
        .outerjoin(
            Journal,
            and_(
                Journal.organization_id == CurriculumLine.organization_id,
                Journal.group_id == CurriculumLine.group_id,
                Journal.subject_id == CurriculumLine.subject_id,
                Journal.academic_year_id == Group.academic_year_id,
            ),
        )
        .where(CurriculumLine.organization_id == actor.organization_id)
    )
