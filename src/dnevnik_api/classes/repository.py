from collections.abc import Mapping, Sequence
from datetime import date
from textwrap import shorten
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    cast,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Bundle, aliased

from dnevnik_api import records
from dnevnik_api.clock import russian_date
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    CONFLICT,
    INVALID,
    NOT_A_CLASS,
    NOT_A_MEMBER,
    NOT_FOUND,
    NOT_OF_THE_CLASSES,
    OUTSIDE_ACADEMIC_YEAR,
    OVERLAP,
    FieldError,
    Text,
)
from dnevnik_api.history import record
from dnevnik_api.organizations.calendar import lock_timetable
from dnevnik_api.organizations.models import AcademicYear
from dnevnik_api.organizations.repository import touch_directory
from dnevnik_api.organizations.scales import change_scales, lock_journals
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person, StaffRole
from dnevnik_api.people.policy import check_term, holds, in_force, on_day, term_of
from dnevnik_api.people.repository import StudentRepository, among, check_known
from dnevnik_api.policy import Actor

from .clashes import check_students
from .models import Enrolment, Group, GroupKind, GroupParent, HomeroomAssignment
from .policy import check_classes, check_may_arrange, members_visible, visible_enrolments


class GroupRepository:
    """The only writer of classes and study groups (А.15, Г.6)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(
        self, actor: Actor, window: Window, *, year_id: int | None, kind: GroupKind | None
    ) -> Slice[Any]:
        """Return the groups by grade and name; all staff know which there are."""
        groups = _groups(actor)
        if year_id is not None:
            groups = groups.where(Group.academic_year_id == year_id)
        if kind is not None:
            groups = groups.where(Group.kind == kind)
        return await paginate(self._session, groups, window, Group.grade, Group.name, Group.id)

    async def get(self, actor: Actor, group_id: int) -> Any:
        """Return a group with the classes it is drawn from, or raise NOT_FOUND."""
        group = _groups(actor).where(Group.id == group_id)
        if (found := (await self._session.scalars(group)).one_or_none()) is None:
            raise NOT_FOUND()
        return found

    async def find(self, actor: Actor, group_id: int) -> Group:
        """Return a group that all staff know of, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Group, group_id)

    async def with_list(self, actor: Actor, group_id: int) -> Group:
        """Return a group whose list the actor may read, or raise NOT_FOUND."""
        return await records.find(self._session, actor, Group, group_id, members_visible(actor))

    async def refer(self, actor: Actor, group_id: int, pointer: str) -> Group:
        """Return the group that a body names, or raise INVALID."""
        return await records.refer(self._session, actor, Group, group_id, pointer)

    async def check_may_arrange(self, actor: Actor, group: Group) -> None:
        """Refuse who may not change this group's list."""
        check_may_arrange(actor, group.kind, await self._class_ids(group))

    async def lock(self, actor: Actor, group_id: int, *, with_journals: bool = False) -> Group:
        """Lock a group for a change by who may change it; of its grade ``with_journals``.

        They come first: whoever adds a lesson has its journal when they refer to the group.
        """
        await lock_timetable(self._session, actor.organization_id)
        if with_journals:
            await lock_journals(self._session, actor, group_ids=[group_id])
        group = await records.find(self._session, actor, Group, group_id, lock=True)
        await self.check_may_arrange(actor, group)
        return group

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> Group:
        """Add a class, or a study group with the classes it is drawn from."""
        columns = dict(values)
        class_ids: list[int] = columns.pop("class_ids")
        check_may_arrange(actor, columns["kind"], class_ids)
        check_classes(columns["kind"], class_ids, INVALID)
        year_id = columns["academic_year_id"]
        await records.refer(self._session, actor, AcademicYear, year_id, "/academic_year_id")
        await self._check_known(actor, year_id, class_ids)
        group = Group(organization_id=actor.organization_id, **columns)
        self._session.add(group)
        await self._session.flush()
        await self._draw_from(group, class_ids)
        after = records.columns_of(group) | {"class_ids": class_ids}
        await record(self._session, actor, "groups", group.id, after=after)
        return group

    async def change(self, actor: Actor, group: Group, changes: Mapping[str, Any]) -> None:
        """Change a locked group; its students must still be in the classes it is drawn from.

        Raise SCALE_IN_USE for a grade with another scale: its journals are locked.
        """
        was = await self._class_ids(group)
        columns = dict(changes)
        class_ids: list[int] = columns.pop("class_ids", was)
        check_may_arrange(actor, group.kind, class_ids)
        check_classes(group.kind, class_ids, CONFLICT)
        await self._check_known(actor, group.academic_year_id, class_ids)
        before = records.columns_of(group) | {"class_ids": was}
        after = before | columns | {"class_ids": sorted(class_ids)}
        if after == before:
            return
        for name, value in columns.items():
            setattr(group, name, value)
        group.version += 1
        await self._session.flush()
        if before["grade"] != after["grade"]:
            await change_scales(self._session, actor, group_ids=[group.id])
        await self._draw_from(group, class_ids)
        await EnrolmentRepository(self._session).check_drawn(actor, group, None, actor.today)
        await record(self._session, actor, "groups", group.id, before=before, after=after)
        await touch_directory(self._session, actor)

    async def remove(self, actor: Actor, group: Group) -> None:
        """Remove a group that nothing uses; the database refuses otherwise (IN_USE)."""
        await records.remove(self._session, actor, group)

    async def _class_ids(self, group: Group) -> list[int]:
        classes = (
            select(GroupParent.class_id)
            .where(
                GroupParent.organization_id == group.organization_id,
                GroupParent.group_id == group.id,
            )
            .order_by(GroupParent.class_id)
        )
        return list(await self._session.scalars(classes))

    async def _check_known(self, actor: Actor, year_id: int, class_ids: Sequence[int]) -> None:
        classes = select(Group.id, Group.name).where(
            Group.organization_id == actor.organization_id,
            Group.academic_year_id == year_id,
            Group.kind == GroupKind.CLASS,
            among(Group.id, class_ids),
        )
        known = {row.id: row.name for row in await self._session.execute(classes)}
        pointers = [f"/class_ids/{number}" for number in range(len(class_ids))]
        check_known(known, class_ids, pointers)

    async def _draw_from(self, group: Group, class_ids: Sequence[int]) -> None:
        drawn = delete(GroupParent).where(
            GroupParent.organization_id == group.organization_id, GroupParent.group_id == group.id
        )
        await self._session.execute(drawn)
        self._session.add_all(
            GroupParent(organization_id=group.organization_id, group_id=group.id, class_id=class_id)
            for class_id in class_ids
        )
        await self._session.flush()


class EnrolmentRepository:
    """The only writer of enrolments; nobody is in two classes or at two lessons at once (А.18)."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, group: Group, on: date) -> Slice[Any]:
        """Return who is in a group on a day, in the Russian order of names."""
        enrolments = _enrolments(actor).where(
            visible_enrolments(actor),
            Enrolment.group_id == group.id,
            in_force(Enrolment.begins_on, Enrolment.ends_on, on),
        )
        return await paginate(self._session, enrolments, window, Person.sort_key, Enrolment.id)

    async def members(self, actor: Actor, group: Group, on: date) -> dict[int, str]:
        """Return the names of who is in a group on a day, in the Russian order."""
        members = (
            select(Person.id, Person.full_name)
            .join(Enrolment, _is(Person, Enrolment.student_id))
            .where(
                Enrolment.organization_id == actor.organization_id,
                Enrolment.group_id == group.id,
                in_force(Enrolment.begins_on, Enrolment.ends_on, on),
            )
            .order_by(Person.sort_key, Person.id)
        )
        return {row.id: row.full_name for row in await self._session.execute(members)}

    async def of_student(self, actor: Actor, student_id: int) -> Sequence[Any]:
        """Return a student's way through classes and groups, as far as the actor may see it."""
        enrolments = (
            _enrolments(actor)
            .where(visible_enrolments(actor), Enrolment.student_id == student_id)
            .order_by(Enrolment.begins_on, Enrolment.id)
        )
        return (await self._session.scalars(enrolments)).all()

    async def get(self, actor: Actor, enrolment_id: int) -> Any:
        """Return an enrolment with its names, after a change of it."""
        enrolment = _enrolments(actor).where(Enrolment.id == enrolment_id)
        return (await self._session.scalars(enrolment)).one()

    async def take_turn(self, actor: Actor) -> None:
        """Wait for other writers of enrolments and of the timetable; before any other lock."""
        await lock_timetable(self._session, actor.organization_id)

    async def lock(self, actor: Actor, enrolment_id: int) -> Enrolment:
        """Lock an enrolment for a change by who may change the group's list."""
        await self.take_turn(actor)
        enrolment = await records.find(
            self._session, actor, Enrolment, enrolment_id, visible_enrolments(actor), lock=True
        )
        groups = GroupRepository(self._session)
        await groups.check_may_arrange(actor, await groups.find(actor, enrolment.group_id))
        return enrolment

    async def add(
        self, actor: Actor, group: Group, pointers: Mapping[int, str], values: Mapping[str, Any]
    ) -> Sequence[Any]:
        """Enrol students, each with the pointer by which a refusal names them; all or none."""
        await self.take_turn(actor)
        term = term_of(actor, values)
        added = await self._join(actor, group, pointers, term)
        await self._check(actor, group, pointers, term["begins_on"])
        return await self._shown(actor, added)

    async def change(
        self, actor: Actor, enrolment: Enrolment, changes: Mapping[str, Any]
    ) -> Enrolment:
        """End or correct an enrolment; who leaves a class leaves the groups drawn from it."""
        check_term({"begins_on": enrolment.begins_on, "ends_on": enrolment.ends_on, **changes})
        row = await records.change(self._session, actor, enrolment, changes)
        if row.ends_on is not None:
            await self._leave_groups(actor, row.student_id, row.ends_on, row.end_order_number)
        group = await GroupRepository(self._session).find(actor, row.group_id)
        await self._check(actor, group, {row.student_id: ""}, row.begins_on)
        return row

    async def transfer(
        self,
        actor: Actor,
        student_id: int,
        start: Group,
        goal: Group,
        on: date,
        order_number: str | None,
    ) -> Any:
        """Move a student to another group; from a class also out of the groups drawn from it."""
        await self.take_turn(actor)
        left = _not_over(actor, student_id, on).where(
            Enrolment.group_id == start.id, Enrolment.begins_on <= on
        )
        if (enrolment := (await self._session.scalars(left)).one_or_none()) is None:
            raise NOT_A_MEMBER()
        pointers = {student_id: "/to_group_id"}
        await self._end(actor, [enrolment], on, order_number)
        term = {"begins_on": on, "order_number": order_number}
        added = await self._join(actor, goal, pointers, term)
        await self._leave_groups(actor, student_id, on, order_number)
        await self._check(actor, goal, pointers, on)
        return (await self._shown(actor, added))[0]

    async def end_all(
        self, actor: Actor, student_id: int, on: date, order_number: str | None
    ) -> Sequence[Any]:
        """End all enrolments of a student who leaves the school."""
        ended = (await self._session.scalars(_not_over(actor, student_id, on))).all()
        await self._end(actor, ended, on, order_number)
        await touch_directory(self._session, actor)
        return await self._shown(actor, ended)

    async def check_drawn(
        self, actor: Actor, group: Group, pointers: Mapping[int, str] | None, since: date
    ) -> None:
        """Refuse a study group's students, these or all, who are in none of its classes."""
        day = func.greatest(Enrolment.begins_on, cast(since, Date))
        strangers = (
            select(Enrolment.student_id, Person.full_name)
            .join(Person, _is(Person, Enrolment.student_id))
            .where(
                Enrolment.organization_id == actor.organization_id,
                Enrolment.group_id == group.id,
                or_(Enrolment.ends_on.is_(None), Enrolment.ends_on > day),
                *_astray(day),
            )
            .order_by(Person.sort_key, Person.id)
        )
        if pointers is not None:
            strangers = strangers.where(among(Enrolment.student_id, list(pointers)))
        refused = [
            FieldError(
                "/class_ids" if pointers is None else pointers[row.student_id],
                NOT_OF_THE_CLASSES.code,
                _brief(row.full_name, row.full_name),
            )
            for row in await self._session.execute(strangers)
        ]
        if refused:
            raise NOT_OF_THE_CLASSES(refused)

    async def _join(
        self, actor: Actor, group: Group, pointers: Mapping[int, str], term: Mapping[str, Any]
    ) -> Sequence[Enrolment]:
        """Add the enrolments of students, each with the pointer to them in the request."""
        await self._check_year(actor, group, term["begins_on"])
        ids = list(pointers)
        students = StudentRepository(self._session)
        names = await students.names_of(actor, ids, on=term["begins_on"])
        check_known(names, ids, list(pointers.values()))
        await students.check_consented(actor, pointers)
        await self._check_free(actor, group, pointers, names, term)
        rows = [
            Enrolment(group_id=group.id, kind=group.kind, student_id=student_id, **term)
            for student_id in pointers
        ]
        await records.add_many(self._session, actor, rows)
        return rows

    async def _check_year(self, actor: Actor, group: Group, begins_on: date) -> None:
        year = await records.find(self._session, actor, AcademicYear, group.academic_year_id)
        if begins_on > year.ends_on:
            raise OUTSIDE_ACADEMIC_YEAR(
                begins_on=russian_date(year.begins_on), ends_on=russian_date(year.ends_on)
            )

    async def _check_free(
        self,
        actor: Actor,
        group: Group,
        pointers: Mapping[int, str],
        names: Mapping[int, str],
        term: Mapping[str, Any],
    ) -> None:
        """Say who is in this group already, or in another class; the database only refuses."""
        is_class = group.kind == GroupKind.CLASS
        days = func.daterange(cast(term["begins_on"], Date), cast(term.get("ends_on"), Date))
        taken = (
            select(Enrolment.student_id, Group.name)
            .join(Group, _is(Group, Enrolment.group_id))
            .where(
                Enrolment.organization_id == actor.organization_id,
                among(Enrolment.student_id, list(pointers)),
                Enrolment.kind == group.kind if is_class else Enrolment.group_id == group.id,
                func.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("&&")(days),
            )
            .order_by(Enrolment.student_id, Enrolment.begins_on)
        )
        refused = [
            FieldError(
                pointers[row.student_id],
                OVERLAP.code,
                _brief(
                    f"{names[row.student_id]}: уже в группе «{row.name}».",
                    f"{names[row.student_id]}: already in the group {row.name}.",
                ),
            )
            for row in await self._session.execute(taken)
        ]
        if refused:
            raise OVERLAP(refused)

    async def _leave_groups(
        self, actor: Actor, student_id: int, on: date, order_number: str | None
    ) -> None:
        """End the study groups drawn from classes that a student is in no longer."""
        day = func.greatest(Enrolment.begins_on, cast(on, Date))
        left = _not_over(actor, student_id, on).where(*_astray(day))
        await self._end(actor, (await self._session.scalars(left)).all(), on, order_number)

    async def _end(
        self, actor: Actor, enrolments: Sequence[Enrolment], on: date, order_number: str | None
    ) -> None:
        for row in enrolments:
            # What would begin later ends before it has begun.
            end = {"ends_on": max(on, row.begins_on), "end_order_number": order_number}
            await records.change(self._session, actor, row, end)

    async def _check(
        self, actor: Actor, group: Group, pointers: Mapping[int, str], since: date
    ) -> None:
        """Check what the database can't, after all is written; journals show who is in a group."""
        await self.check_drawn(actor, group, pointers, since)
        await touch_directory(self._session, actor)
        await check_students(self._session, actor, group_id=group.id, student_ids=list(pointers))

    async def _shown(self, actor: Actor, enrolments: Sequence[Enrolment]) -> Sequence[Any]:
        shown = (
            _enrolments(actor)
            .where(among(Enrolment.id, [one.id for one in enrolments]))
            .order_by(Person.sort_key, Enrolment.id)
        )
        return (await self._session.scalars(shown)).all()


class HomeroomRepository:
    """The only writer of homeroom teachers of classes."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def of_group(self, actor: Actor, group: Group) -> Sequence[Any]:
        """Return the former, present and future homeroom teachers of a class, by time."""
        teachers = (
            _homerooms(actor)
            .where(HomeroomAssignment.group_id == group.id)
            .order_by(HomeroomAssignment.begins_on, HomeroomAssignment.id)
        )
        return (await self._session.scalars(teachers)).all()

    async def get(self, actor: Actor, assignment_id: int) -> Any:
        """Return an assignment with the teacher's name, after a change of it."""
        assignment = _homerooms(actor).where(HomeroomAssignment.id == assignment_id)
        return (await self._session.scalars(assignment)).one()

    async def lock(self, actor: Actor, assignment_id: int) -> HomeroomAssignment:
        """Lock an assignment for a change."""
        return await records.find(
            self._session, actor, HomeroomAssignment, assignment_id, lock=True
        )

    async def add(
        self, actor: Actor, group: Group, values: Mapping[str, Any]
    ) -> HomeroomAssignment:
        """Give a class a homeroom teacher, one at a time (OVERLAP); INVALID: none of the staff."""
        if group.kind != GroupKind.CLASS:
            raise NOT_A_CLASS()
        term = term_of(actor, values)
        staff = select(Person.id).where(
            Person.organization_id == actor.organization_id,
            Person.id == term["person_id"],
            holds(StaffRole, on_day(term["begins_on"])),
        )
        check_known(
            dict.fromkeys(await self._session.scalars(staff)), [term["person_id"]], ["/person_id"]
        )
        row = HomeroomAssignment(group_id=group.id, **term)
        return await records.add(self._session, actor, row)

    async def change(
        self, actor: Actor, row: HomeroomAssignment, changes: Mapping[str, Any]
    ) -> HomeroomAssignment:
        """End an assignment or correct its dates."""
        check_term({"begins_on": row.begins_on, "ends_on": row.ends_on, **changes})
        return await records.change(self._session, actor, row, changes)


def _brief(ru: str, en: str) -> Text:
    """Return what a refusal says of one student; there may be many of them."""
    return Text(*(shorten(words, 200, placeholder="…") for words in (ru, en)))


def _is(model: Any, key: Any) -> ColumnElement[bool]:
    """Return the condition that joins the record which a column of the same row names."""
    return and_(model.organization_id == key.class_.organization_id, model.id == key)


def _astray(day: ColumnElement[date]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of being in a study group, but in none of its classes on ``day``."""
    parent = (
        select(GroupParent.id)
        .where(
            GroupParent.organization_id == Enrolment.organization_id,
            GroupParent.group_id == Enrolment.group_id,
        )
        .correlate(Enrolment)
    )
    held = aliased(Enrolment)
    in_class = parent.join(
        held,
        (held.organization_id == GroupParent.organization_id)
        & (held.group_id == GroupParent.class_id),
    ).where(
        held.student_id == Enrolment.student_id,
        func.daterange(held.begins_on, held.ends_on).bool_op("@>")(day),
    )
    return parent.exists(), ~in_class.exists()


def _not_over(actor: Actor, student_id: int, on: date) -> Select[Enrolment]:
    """Return a student's enrolments that last beyond a day or begin later, to be locked."""
    return (
        select(Enrolment)
        .where(
            Enrolment.organization_id == actor.organization_id,
            Enrolment.student_id == student_id,
            or_(Enrolment.ends_on.is_(None), Enrolment.ends_on > on),
        )
        .order_by(Enrolment.id)
        .with_for_update(of=Enrolment)
    )


def _groups(actor: Actor) -> Select[Any]:
    classes = (
        select(GroupParent.class_id)
        .where(
            GroupParent.organization_id == Group.organization_id, GroupParent.group_id == Group.id
        )
        .order_by(GroupParent.class_id)
        .correlate(Group)
        .scalar_subquery()
    )
    shown: Bundle[Any] = Bundle(
        "group",
        Group.id,
        Group.academic_year_id,
        Group.kind,
        Group.name,
        Group.grade,
        Group.shift,
        Group.profile,
        func.array(classes, type_=ARRAY(BigInteger)).label("class_ids"),
        Group.version,
    )
    return select(shown).where(Group.organization_id == actor.organization_id)


def _enrolments(actor: Actor) -> Select[Any]:
    shown: Bundle[Any] = Bundle(
        "enrolment",
        Enrolment.id,
        Enrolment.group_id,
        Group.name.label("group_name"),
        Enrolment.kind,
        Enrolment.student_id,
        Person.full_name.label("student_name"),
        Enrolment.begins_on,
        Enrolment.ends_on,
        Enrolment.order_number,
        Enrolment.end_order_number,
        Enrolment.version,
    )
    return (
        select(shown)
        .join(Person, _is(Person, Enrolment.student_id))
        .join(Group, _is(Group, Enrolment.group_id))
        .where(Enrolment.organization_id == actor.organization_id)
    )


def _homerooms(actor: Actor) -> Select[Any]:
    shown: Bundle[Any] = Bundle(
        "homeroom",
        HomeroomAssignment.id,
        HomeroomAssignment.group_id,
        HomeroomAssignment.person_id,
        Person.full_name,
        HomeroomAssignment.begins_on,
        HomeroomAssignment.ends_on,
        HomeroomAssignment.version,
    )
    return (
        select(shown)
        .join(Person, _is(Person, HomeroomAssignment.person_id))
        .where(HomeroomAssignment.organization_id == actor.organization_id)
    )
