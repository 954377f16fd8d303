from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Select, delete, func, or_, select

from dnevnik_api import records
from dnevnik_api.classes.models import (
    Enrolment,
    Group,
    GroupKind,
    GroupParent,
    HomeroomAssignment,
)
from dnevnik_api.curriculum.models import CurriculumLine
from dnevnik_api.db import SessionDep, TenantRow
from dnevnik_api.errors import ROLLOVER_CHANGED, ROLLOVER_DONE, ROLLOVER_HAS_LESSONS
from dnevnik_api.history import as_json, record_all
from dnevnik_api.lessons.models import Journal, JournalTeacher, Lesson
from dnevnik_api.organizations.calendar import lock_timetable
from dnevnik_api.organizations.models import AcademicYear
from dnevnik_api.organizations.repository import touch_directory
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person, RoleAssignment, StaffRole
from dnevnik_api.people.policy import in_force
from dnevnik_api.people.repository import among
from dnevnik_api.policy import Actor, Role

from .models import Rollover, RolloverRow
from .plan import Held, MovedGroup, Plan

R = TypeVar("R", bound=TenantRow)

# What a transfer makes, in the order in which it can be removed again.
_MADE: tuple[type[TenantRow], ...] = (
    JournalTeacher,
    Journal,
    HomeroomAssignment,
    Enrolment,
    CurriculumLine,
    Group,
)
_ENDED: tuple[type[TenantRow], ...] = (HomeroomAssignment, Enrolment, RoleAssignment)


class RolloverRepository:
    """The only writer of transfers to a new academic year; a bounded number of statements."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window) -> Slice[Any]:
        """Return the transfers, in the order in which they were made."""
        rollovers = select(Rollover).where(Rollover.organization_id == actor.organization_id)
        return await paginate(self._session, rollovers, window, Rollover.id)

    async def take_turn(self, actor: Actor) -> None:
        """Wait for other writers of enrolments and of the timetable; before any other lock."""
        await lock_timetable(self._session, actor.organization_id)

    async def lock(self, actor: Actor, rollover_id: int) -> Rollover:
        """Lock a transfer in order to withdraw it."""
        await self.take_turn(actor)
        return await records.find(self._session, actor, Rollover, rollover_id, lock=True)

    async def year(self, actor: Actor, year_id: int, pointer: str) -> AcademicYear:
        """Return the academic year that a body names, locked; raise INVALID."""
        return await records.refer(self._session, actor, AcademicYear, year_id, pointer, lock=True)

    async def check_first(self, actor: Actor, old: AcademicYear) -> None:
        """Refuse to transfer the same year twice."""
        done = select(Rollover.id).where(
            Rollover.organization_id == actor.organization_id,
            Rollover.from_academic_year_id == old.id,
            Rollover.withdrawn_at.is_(None),
        )
        if await self._session.scalar(done) is not None:
            raise ROLLOVER_DONE()

    async def held(self, actor: Actor, old: AcademicYear, new: AcademicYear) -> Held:
        """Return what the school has of the old year; what will be ended is locked."""
        groups = await self._all(
            actor, Group, Group.academic_year_id == old.id, order=(Group.grade, Group.name)
        )
        ids = [group.id for group in groups]
        lasts = or_(Enrolment.ends_on.is_(None), Enrolment.ends_on > old.ends_on)
        enrolments = await self._all(actor, Enrolment, among(Enrolment.group_id, ids), lasts)
        homerooms = await self._all(
            actor,
            HomeroomAssignment,
            among(HomeroomAssignment.group_id, ids),
            _lasts(HomeroomAssignment, old),
        )
        journals = await self._all(actor, Journal, Journal.academic_year_id == old.id)
        teachers = await self._all(
            actor,
            JournalTeacher,
            among(JournalTeacher.journal_id, [journal.id for journal in journals]),
            _lasts(JournalTeacher, old),
        )
        curriculum = await self._all(
            actor, CurriculumLine, among(CurriculumLine.group_id, ids), lock=False
        )
        ready = await self._all(actor, Group, Group.academic_year_id == new.id, lock=False)
        parents = await self._all(actor, GroupParent, among(GroupParent.group_id, ids), lock=False)
        drawn: dict[int, set[int]] = {}
        for parent in parents:
            drawn.setdefault(parent.group_id, set()).add(parent.class_id)
        holders = await self._holders(actor, new.begins_on)
        students = {one for one, role in holders if role == Role.STUDENT}
        people = {one.student_id for one in enrolments} | students
        people |= {one.teacher_id for one in teachers} | {one.person_id for one in homerooms}
        return Held(
            old=old,
            new=new,
            groups=groups,
            parents=drawn,
            enrolments=enrolments,
            homerooms=homerooms,
            journals=journals,
            teachers=teachers,
            curriculum=curriculum,
            ready={group.name: group for group in ready},
            names=await self._names(actor, people),
            students=students,
            staff={one for one, role in holders if role in set(StaffRole)},
            without_class=await self._without_class(actor, students, enrolments, new),
        )

    async def run(self, actor: Actor, plan: Plan) -> Rollover:
        """Do all that the plan says, and write down what undoes it."""
        rollover = await records.add(
            self._session,
            actor,
            Rollover(
                from_academic_year_id=plan.held.old.id,
                to_academic_year_id=plan.held.new.id,
                left_on=plan.wish.left_on,
                order_number=plan.wish.order_number,
                made_at=actor.now,
                made_by_name=actor.full_name,
            ),
        )
        await self._end_old(actor, rollover, plan)
        made = await self._make_groups(actor, plan)
        new: list[TenantRow] = list(made.values())
        new += await self._enrol(actor, plan, made)
        new += await self._give_homerooms(actor, plan, made)
        new += await self._copy_curriculum(actor, plan, made)
        new += await self._open_journals(actor, plan, made)
        self._session.add_all(
            RolloverRow(
                organization_id=actor.organization_id,
                rollover_id=rollover.id,
                entity=row.__tablename__,
                entity_id=row.id,
            )
            for row in new
        )
        await self._session.flush()
        await touch_directory(self._session, actor)
        return rollover

    async def withdraw(self, actor: Actor, rollover: Rollover) -> Rollover:
        """Remove what a transfer made, restore what it ended, exactly; refuse where it can't."""
        rows = await self._all(
            actor, RolloverRow, RolloverRow.rollover_id == rollover.id, lock=False
        )
        made: dict[str, list[int]] = {}
        ended: dict[str, dict[int, RolloverRow]] = {}
        for row in rows:
            if row.before is None:
                made.setdefault(row.entity, []).append(row.entity_id)
            else:
                ended.setdefault(row.entity, {})[row.entity_id] = row
        await self._check_no_lessons(actor, made.get(Journal.__tablename__, []))
        await self._draw_from_none(actor, made.get(Group.__tablename__, []))
        for model in _MADE:
            await self._remove_all(actor, model, made.get(model.__tablename__, []))
        for model in _ENDED:
            await self._restore(actor, model, ended.get(model.__tablename__, {}))
        await touch_directory(self._session, actor)
        values = {"withdrawn_at": actor.now, "withdrawn_by_name": actor.full_name}
        return await records.change(self._session, actor, rollover, values)

    async def _end_old(self, actor: Actor, rollover: Rollover, plan: Plan) -> None:
        begins_on, leavers = plan.held.new.begins_on, set(plan.leavers)
        enrolments: dict[Enrolment, Mapping[str, Any]] = {}
        for row in plan.held.enrolments:
            if row.student_id not in plan.class_of:
                continue
            ends_on = plan.wish.left_on if row.student_id in leavers else begins_on
            if row.ends_on is None or row.ends_on > ends_on:
                enrolments[row] = {
                    "ends_on": max(ends_on, row.begins_on),
                    "end_order_number": plan.wish.order_number,
                }
        homerooms: dict[HomeroomAssignment, Mapping[str, Any]] = {
            row: {"ends_on": max(begins_on, row.begins_on)}
            for row in plan.held.homerooms
            if row.ends_on is None or row.ends_on > begins_on
        }
        left_on = plan.wish.left_on
        roles: dict[RoleAssignment, Mapping[str, Any]] = {
            row: {"ends_on": max(left_on, row.begins_on)}
            for row in await self._all(
                actor,
                RoleAssignment,
                RoleAssignment.role == Role.STUDENT,
                among(RoleAssignment.person_id, plan.leavers),
                or_(RoleAssignment.ends_on.is_(None), RoleAssignment.ends_on > left_on),
            )
        }
        await self._end(actor, rollover, Enrolment, enrolments)
        await self._end(actor, rollover, HomeroomAssignment, homerooms)
        await self._end(actor, rollover, RoleAssignment, roles)

    async def _end(
        self,
        actor: Actor,
        rollover: Rollover,
        model: type[R],
        changes: Mapping[R, Mapping[str, Any]],
    ) -> None:
        self._session.add_all(
            RolloverRow(
                organization_id=actor.organization_id,
                rollover_id=rollover.id,
                entity=model.__tablename__,
                entity_id=row.id,
                before=as_json({name: getattr(row, name) for name in fields}),
                after=as_json(fields),
            )
            for row, fields in changes.items()
        )
        await records.change_many(self._session, actor, model, changes)

    async def _make_groups(self, actor: Actor, plan: Plan) -> dict[int, Group]:
        """Add the groups of the new year; return them by the ids of the old ones."""
        made = {
            group_id: Group(
                organization_id=actor.organization_id,
                academic_year_id=plan.held.new.id,
                kind=moved.group.kind,
                name=moved.to_name,
                grade=moved.to_grade,
                profile=moved.group.profile,
            )
            for group_id, moved in plan.groups.items()
        }
        self._session.add_all(made.values())
        await self._session.flush()
        drawn = {
            group_id: sorted(made[one].id for one in plan.held.parents.get(group_id, ()))
            for group_id in made
            if all(one in made for one in plan.held.parents.get(group_id, ()))
        }
        self._session.add_all(
            GroupParent(
                organization_id=actor.organization_id, group_id=made[group_id].id, class_id=class_id
            )
            for group_id, class_ids in drawn.items()
            for class_id in class_ids
        )
        await self._session.flush()
        added = (
            (group.id, None, records.columns_of(group) | {"class_ids": drawn.get(old_id, [])})
            for old_id, group in made.items()
        )
        await record_all(self._session, actor, Group.__tablename__, added)
        return made

    async def _enrol(self, actor: Actor, plan: Plan, made: Mapping[int, Group]) -> list[Enrolment]:
        joining = [
            (made[moved.group.id], student_id)
            for moved in plan.groups.values()
            for student_id in moved.students
        ]
        for student_id, goal in plan.retained.items():
            if goal is not None:
                group = made[goal.group.id] if isinstance(goal, MovedGroup) else goal
                joining.append((group, student_id))
        rows = [
            Enrolment(
                group_id=group.id,
                kind=group.kind,
                student_id=student_id,
                begins_on=plan.held.new.begins_on,
                order_number=plan.wish.order_number,
            )
            for group, student_id in joining
        ]
        await records.add_many(self._session, actor, rows)
        return rows

    async def _give_homerooms(
        self, actor: Actor, plan: Plan, made: Mapping[int, Group]
    ) -> list[HomeroomAssignment]:
        rows = [
            HomeroomAssignment(
                group_id=made[group_id].id,
                person_id=moved.homeroom.person_id,
                begins_on=plan.held.new.begins_on,
            )
            for group_id, moved in plan.groups.items()
            if moved.homeroom is not None
        ]
        await records.add_many(self._session, actor, rows)
        return rows

    async def _copy_curriculum(
        self, actor: Actor, plan: Plan, made: Mapping[int, Group]
    ) -> list[CurriculumLine]:
        """Copy the weekly hours, and who is to teach where the same go on."""
        lines = [
            CurriculumLine(
                group_id=made[group_id].id,
                subject_id=line.subject_id,
                weekly_hours=line.weekly_hours,
                teacher_id=plan.goes_on(moved.group, line.teacher_id),
            )
            for group_id, moved in plan.groups.items()
            for line in moved.curriculum
        ]
        await records.add_many(self._session, actor, lines)
        return lines

    async def _open_journals(
        self, actor: Actor, plan: Plan, made: Mapping[int, Group]
    ) -> list[TenantRow]:
        """Copy the journals with all their settings, and who teaches them."""
        copies = {
            journal.id: Journal(
                **_settings(journal),
                group_id=made[group_id].id,
                academic_year_id=plan.held.new.id,
            )
            for group_id, moved in plan.groups.items()
            for journal in moved.journals
        }
        await records.add_many(self._session, actor, list(copies.values()))
        teachers = [
            JournalTeacher(
                journal_id=copies[teacher.journal_id].id,
                teacher_id=teacher.teacher_id,
                begins_on=plan.held.new.begins_on,
            )
            for teacher in plan.teachers
        ]
        await records.add_many(self._session, actor, teachers)
        return [*copies.values(), *teachers]

    async def _check_no_lessons(self, actor: Actor, journal_ids: Sequence[int]) -> None:
        lessons = select(Lesson.id).where(
            Lesson.organization_id == actor.organization_id,
            among(Lesson.journal_id, journal_ids),
        )
        if await self._session.scalar(lessons.limit(1)) is not None:
            raise ROLLOVER_HAS_LESSONS()

    async def _draw_from_none(self, actor: Actor, group_ids: Sequence[int]) -> None:
        # The database may look for study groups of a class before it removes theirs with it.
        drawn = delete(GroupParent).where(
            GroupParent.organization_id == actor.organization_id,
            among(GroupParent.group_id, group_ids),
        )
        await self._session.execute(drawn)

    async def _remove_all(self, actor: Actor, model: type[R], ids: Sequence[int]) -> None:
        """Remove what is still there; the database refuses what others use (IN_USE)."""
        if not ids:
            return
        rows = await self._all(actor, model, among(model.id, ids), lock=True)
        removed = [(row.id, records.columns_of(row), None) for row in rows]
        gone = delete(model).where(
            model.organization_id == actor.organization_id, among(model.id, ids)
        )
        await self._session.execute(gone.execution_options(synchronize_session=False))
        await record_all(self._session, actor, model.__tablename__, removed)

    async def _restore(
        self, actor: Actor, model: type[R], ended: Mapping[int, RolloverRow]
    ) -> None:
        if not ended:
            return
        rows = await self._all(actor, model, among(model.id, list(ended)), lock=True)
        changes: dict[R, Mapping[str, Any]] = {}
        for row in rows:
            was, became = ended[row.id].before or {}, ended[row.id].after
            if as_json({name: getattr(row, name) for name in was}) != became:
                raise ROLLOVER_CHANGED()
            changes[row] = {name: _restored(name, value) for name, value in was.items()}
        await records.change_many(self._session, actor, model, changes)

    async def _holders(self, actor: Actor, day: date) -> list[tuple[int, str]]:
        """Return who holds which role on a day."""
        roles = select(RoleAssignment.person_id, RoleAssignment.role).where(
            RoleAssignment.organization_id == actor.organization_id,
            in_force(RoleAssignment.begins_on, RoleAssignment.ends_on, day),
        )
        return [(row.person_id, row.role) for row in await self._session.execute(roles)]

    async def _names(self, actor: Actor, ids: Collection[int]) -> dict[int, str]:
        people = (
            select(Person.id, Person.full_name)
            .where(Person.organization_id == actor.organization_id, among(Person.id, list(ids)))
            .order_by(Person.sort_key, Person.id)
        )
        return {row.id: row.full_name for row in await self._session.execute(people)}

    async def _without_class(
        self,
        actor: Actor,
        students: Collection[int],
        enrolments: Sequence[Enrolment],
        new: AcademicYear,
    ) -> list[int]:
        placed = select(Enrolment.student_id).where(
            Enrolment.organization_id == actor.organization_id,
            Enrolment.kind == GroupKind.CLASS,
            func.daterange(Enrolment.begins_on, Enrolment.ends_on).bool_op("@>")(new.begins_on),
        )
        known = set(await self._session.scalars(placed))
        known |= {one.student_id for one in enrolments if one.kind == GroupKind.CLASS}
        return sorted(set(students) - known)

    async def _all(
        self,
        actor: Actor,
        model: type[R],
        *conditions: Any,
        order: Sequence[Any] = (),
        lock: bool = True,
    ) -> Sequence[R]:
        rows: Select[R] = (
            select(model)
            .where(model.organization_id == actor.organization_id, *conditions)
            .order_by(*order, model.id)
        )
        if lock:
            rows = rows.with_for_update(of=model)
        return (await self._session.scalars(rows)).all()


def _lasts(model: type[HomeroomAssignment | JournalTeacher], year: AcademicYear) -> Any:
    """Return the condition that something lasts to the year's last day at least."""
    return or_(model.ends_on.is_(None), model.ends_on > year.ends_on)


def _settings(journal: Journal) -> dict[str, Any]:
    """Return all that a journal says of itself but whose it is, when, and what is closed.

    Its scale is that of the new grade.
    """
    own = {"group_id", "academic_year_id", "closed_dates", "mark_scale"}
    return {name: value for name, value in records.columns_of(journal).items() if name not in own}


def _restored(name: str, value: Any) -> Any:
    """Return what history keeps as JSON as the column takes it."""
    return date.fromisoformat(value) if name.endswith("_on") and value is not None else value
