from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Bundle

from dnevnik_api import records
from dnevnik_api.classes.models import Group
from dnevnik_api.db import SessionDep
from dnevnik_api.errors import (
    INVALID,
    NO_PLAN,
    NOT_FOUND,
    NOT_OWN_PLAN,
    NOT_THE_JOURNALS_PLAN,
    FieldError,
    Text,
)
from dnevnik_api.functions import statement
from dnevnik_api.history import record_all
from dnevnik_api.lessons.models import Journal, Lesson, LessonStatus
from dnevnik_api.lessons.policy import foreseen_journals
from dnevnik_api.lessons.repository import check_teachers, parent_of
from dnevnik_api.organizations.models import AcademicYear, ReportingPeriod, Subject, WorkType
from dnevnik_api.pagination import Slice, Window, paginate
from dnevnik_api.people.models import Person
from dnevnik_api.policy import Actor

from .models import JournalPlan, LessonPlan, PlanItem, PlannedLesson
from .policy import check_may_plan, check_may_write, plans_all, teaches, visible_plans
from .schemas import MAX_ITEMS, LessonPlanCard

TOO_MANY = Text(f"В плане не больше {MAX_ITEMS} тем.", f"A plan has at most {MAX_ITEMS} items.")
ANOTHER_PLAN = Text("Это тема другого плана.", "This item is of another plan.")
DAYS_BEFORE_PERIOD = 2
"""Plans are due so many days before each reporting period (А.16, Д.2)."""

CONTENT = ("section", "topic", "hours", "homework", "work_type_id")


@dataclass(frozen=True, slots=True)
class PlanFilters:
    """Which plans are asked for; None asks for all."""

    academic_year_id: int | None = None
    subject_id: int | None = None
    grade: int | None = None
    teacher_id: int | None = None


class PlanRepository:
    """The only writer of lesson plans and their items; a plan's row is the lock of its items."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def page(self, actor: Actor, window: Window, filters: PlanFilters) -> Slice[Any]:
        """Return the plans that the actor reads, by subject, grade and title."""
        plans = _plans(actor)
        for name in filters.__slots__:
            if (value := getattr(filters, name)) is not None:
                plans = plans.where(getattr(LessonPlan, name) == value)
        order = (Subject.name, LessonPlan.grade, LessonPlan.title, LessonPlan.id)
        return await paginate(self._session, plans, window, *order)

    async def get(self, actor: Actor, lesson_plan_id: int) -> dict[str, Any]:
        """Return a plan with its names, items and the journals that follow it."""
        plans = _plans(actor).where(LessonPlan.id == lesson_plan_id)
        if (plan := (await self._session.scalars(plans)).one_or_none()) is None:
            raise NOT_FOUND()
        items = await self.items(actor, lesson_plan_id)
        return {
            **{name: getattr(plan, name) for name in LessonPlanCard.model_fields},
            "items": items,
            "journals": await self._journals(actor, lesson_plan_id),
        }

    async def items(self, actor: Actor, lesson_plan_id: int) -> Sequence[PlanItem]:
        """Return all items of a plan in order."""
        items = (
            select(PlanItem)
            .where(
                PlanItem.organization_id == actor.organization_id,
                PlanItem.lesson_plan_id == lesson_plan_id,
            )
            .order_by(PlanItem.number)
            .execution_options(populate_existing=True)
        )
        return (await self._session.scalars(items)).all()

    async def work_types(self, actor: Actor) -> dict[int, str]:
        """Return the names of the work types, which a plan's file has in place of their ids."""
        types = select(WorkType.id, WorkType.name).where(
            WorkType.organization_id == actor.organization_id
        )
        return {row.id: row.name for row in await self._session.execute(types)}

    async def lock(self, actor: Actor, lesson_plan_id: int) -> LessonPlan:
        """Lock a plan that the actor may write; raise NOT_FOUND or NOT_OWN_PLAN."""
        plan = await records.find(
            self._session, actor, LessonPlan, lesson_plan_id, visible_plans(actor), lock=True
        )
        teaches_it = (
            select(JournalPlan.id)
            .join(Journal, parent_of(Journal, JournalPlan, JournalPlan.journal_id))
            .where(
                JournalPlan.organization_id == actor.organization_id,
                JournalPlan.lesson_plan_id == plan.id,
                teaches(actor),
            )
        )
        found = await self._session.scalar(teaches_it.limit(1))
        check_may_write(actor, plan, teaches_it=found is not None)
        return plan

    async def add(self, actor: Actor, values: Mapping[str, Any]) -> LessonPlan:
        """Add a plan without items, of the actor or of another teacher."""
        year = await records.refer(
            self._session, actor, AcademicYear, values["academic_year_id"], "/academic_year_id"
        )
        await records.refer(self._session, actor, Subject, values["subject_id"], "/subject_id")
        teacher_id = values["teacher_id"] or actor.person_id
        await self._check_teacher(actor, teacher_id, year)
        plan = LessonPlan(**{**values, "teacher_id": teacher_id})
        return await records.add(self._session, actor, plan)

    async def change(
        self, actor: Actor, plan: LessonPlan, changes: Mapping[str, Any]
    ) -> LessonPlan:
        """Rename a locked plan or hand it over."""
        if "teacher_id" in changes:
            year = await records.find(self._session, actor, AcademicYear, plan.academic_year_id)
            await self._check_teacher(actor, changes["teacher_id"], year, was=plan.teacher_id)
        return await records.change(self._session, actor, plan, changes)

    async def copy(
        self, actor: Actor, lesson_plan_id: int, values: Mapping[str, Any]
    ) -> LessonPlan:
        """Copy a plan that the actor reads with all its items, to another year or teacher."""
        plan = await records.find(
            self._session, actor, LessonPlan, lesson_plan_id, visible_plans(actor)
        )
        same = {
            name: getattr(plan, name)
            for name in ("title", "academic_year_id", "subject_id", "grade")
        }
        copy = await self.add(actor, {**same, "teacher_id": None, **values})
        items = await self.items(actor, plan.id)
        await self.write_items(
            actor, copy, [{name: getattr(item, name) for name in CONTENT} for item in items]
        )
        return copy

    async def remove(self, actor: Actor, plan: LessonPlan) -> None:
        """Remove a locked plan that no journal follows (else IN_USE)."""
        await self._remove_items(actor, await self.items(actor, plan.id))
        await records.remove(self._session, actor, plan)

    async def write_items(
        self, actor: Actor, plan: LessonPlan, wanted: Sequence[Mapping[str, Any]]
    ) -> dict[str, int]:
        """Make these the items of a locked plan; one is the same as before while its topic is.

        Lessons keep the items that stay; those of the others get another one when the plan is
        applied. Return how many were created, changed, unchanged, and the total.
        """
        await self._check_work_types(actor, wanted)
        before: defaultdict[str, deque[PlanItem]] = defaultdict(deque)
        for item in await self.items(actor, plan.id):
            before[item.topic].append(item)
        new: list[PlanItem] = []
        kept: dict[PlanItem, Mapping[str, Any]] = {}
        for number, values in enumerate(wanted, 1):
            if before[values["topic"]]:
                kept[before[values["topic"]].popleft()] = {**values, "number": number}
            else:
                new.append(PlanItem(lesson_plan_id=plan.id, number=number, **values))
        gone = [item for items in before.values() for item in items]
        changed = {
            item: values
            for item, values in kept.items()
            if any(getattr(item, name) != value for name, value in values.items())
        }
        await self._remove_items(actor, gone)
        await records.change_many(self._session, actor, PlanItem, changed)
        await records.add_many(self._session, actor, new)
        if new or changed or gone:
            plan.version += 1
        return {
            "created": len(new),
            "changed": len(changed),
            "unchanged": len(kept) - len(changed),
            "total": len(wanted),
        }

    async def insert(self, actor: Actor, plan: LessonPlan, values: Mapping[str, Any]) -> PlanItem:
        """Insert an item into a locked plan; those behind it move on."""
        await self._check_work_types(actor, [values], "/work_type_id")
        count = await self._count(plan)
        if count >= MAX_ITEMS:
            raise INVALID([FieldError("/number", "too_many", TOO_MANY)])
        number = min(values["number"] or count + 1, count + 1)
        await self._shift(plan, number, count, 1)
        plan.version += 1
        item = PlanItem(**{**values, "lesson_plan_id": plan.id, "number": number})
        return await records.add(self._session, actor, item)

    async def get_item(self, actor: Actor, plan: LessonPlan, plan_item_id: int) -> PlanItem:
        """Return an item of a locked plan, or raise NOT_FOUND."""
        return await records.find(
            self._session, actor, PlanItem, plan_item_id, PlanItem.lesson_plan_id == plan.id
        )

    async def change_item(
        self, actor: Actor, plan: LessonPlan, item: PlanItem, changes: Mapping[str, Any]
    ) -> PlanItem:
        """Change or move an item of a locked plan; topics in lessons follow when it is applied."""
        await self._check_work_types(actor, [changes], "/work_type_id")
        fields = dict(changes)
        if "number" in fields:
            fields["number"] = number = min(fields["number"], await self._count(plan))
            if number < item.number:
                await self._shift(plan, number, item.number - 1, 1)
            else:
                await self._shift(plan, item.number + 1, number, -1)
        if any(getattr(item, name) != value for name, value in fields.items()):
            plan.version += 1
        return await records.change(self._session, actor, item, fields)

    async def remove_item(self, actor: Actor, plan: LessonPlan, item: PlanItem) -> None:
        """Remove an item from a locked plan; those behind it move up, held lessons keep topics."""
        number, count = item.number, await self._count(plan)
        await self._remove_items(actor, [item])
        await self._shift(plan, number + 1, count, -1)
        plan.version += 1

    async def _journals(self, actor: Actor, lesson_plan_id: int) -> Sequence[Any]:
        journals = (
            select(
                JournalPlan.journal_id,
                Journal.group_id,
                Group.name.label("group_name"),
                JournalPlan.applied_at,
                JournalPlan.applied_version,
            )
            .join(Journal, parent_of(Journal, JournalPlan, JournalPlan.journal_id))
            .join(Group, parent_of(Group, Journal, Journal.group_id))
            .where(
                JournalPlan.organization_id == actor.organization_id,
                JournalPlan.lesson_plan_id == lesson_plan_id,
                foreseen_journals(actor),
            )
            .order_by(Group.name, JournalPlan.journal_id)
        )
        return (await self._session.execute(journals)).all()

    async def _count(self, plan: LessonPlan) -> int:
        counted = select(func.count()).where(
            PlanItem.organization_id == plan.organization_id, PlanItem.lesson_plan_id == plan.id
        )
        return await self._session.scalar(counted) or 0

    async def _shift(self, plan: LessonPlan, first: int, last: int, by: int) -> None:
        # Making room is no change of what those items say: the history tells who made it.
        await self._session.execute(
            update(PlanItem)
            .where(
                PlanItem.organization_id == plan.organization_id,
                PlanItem.lesson_plan_id == plan.id,
                PlanItem.number.between(first, last),
            )
            .values(number=PlanItem.number + by)
            .execution_options(synchronize_session=False)
        )

    async def _remove_items(self, actor: Actor, items: Sequence[PlanItem]) -> None:
        ids = any_(literal([item.id for item in items], ARRAY(BigInteger)))
        await self._session.execute(
            update(PlannedLesson)
            .where(
                PlannedLesson.organization_id == actor.organization_id,
                PlannedLesson.plan_item_id == ids,
            )
            .values(plan_item_id=None, pinned=False, version=PlannedLesson.version + 1)
        )
        await self._session.execute(
            delete(PlanItem)
            .where(PlanItem.organization_id == actor.organization_id, PlanItem.id == ids)
            .execution_options(synchronize_session=False)
        )
        gone = ((item.id, records.columns_of(item), None) for item in items)
        await record_all(self._session, actor, PlanItem.__tablename__, gone)

    async def _check_teacher(
        self, actor: Actor, teacher_id: int, year: AcademicYear, was: int | None = None
    ) -> None:
        if teacher_id not in {actor.person_id, was} and not plans_all(actor):
            raise NOT_OWN_PLAN()
        await check_teachers(
            self._session, actor, {"/teacher_id": teacher_id}, year.begins_on, None
        )

    async def _check_work_types(
        self,
        actor: Actor,
        items: Sequence[Mapping[str, Any]],
        pointer: str = "/items/{}/work_type_id",
    ) -> None:
        named = {place: item.get("work_type_id") for place, item in enumerate(items)}
        if not any(named.values()):
            return
        known = await self.work_types(actor)
        unknown = [
            FieldError(pointer.format(place), "unknown-reference", records.UNKNOWN)
            for place, type_id in named.items()
            if type_id is not None and type_id not in known
        ]
        if unknown:
            raise INVALID(unknown)


class JournalPlanRepository:
    """The only writer of which plan a journal follows and which item a lesson is for."""

    def __init__(self, session: SessionDep) -> None:
        self._session = session

    async def lock(self, actor: Actor, journal_id: int) -> Journal:
        """Lock a journal that the actor may plan; raise NOT_FOUND or NOT_JOURNALS_TEACHER."""
        journal = await records.find(
            self._session, actor, Journal, journal_id, foreseen_journals(actor), lock=True
        )
        teaches_it = select(teaches(actor)).where(
            Journal.organization_id == actor.organization_id, Journal.id == journal.id
        )
        check_may_plan(actor, teaches_it=bool(await self._session.scalar(teaches_it)))
        return journal

    async def find(self, actor: Actor, journal_id: int) -> JournalPlan | None:
        """Return which plan a journal follows, if any."""
        followed = select(JournalPlan).where(
            JournalPlan.organization_id == actor.organization_id,
            JournalPlan.journal_id == journal_id,
        )
        return (await self._session.scalars(followed)).one_or_none()

    async def attach(
        self, actor: Actor, journal: Journal, followed: JournalPlan | None, lesson_plan_id: int
    ) -> JournalPlan:
        """Let a locked journal follow a plan of its subject, grade and year."""
        plan = await records.refer(
            self._session, actor, LessonPlan, lesson_plan_id, "/lesson_plan_id"
        )
        visible = await self._session.scalar(
            select(visible_plans(actor)).where(
                LessonPlan.organization_id == actor.organization_id, LessonPlan.id == plan.id
            )
        )
        if not visible:
            wrong = FieldError("/lesson_plan_id", "unknown-reference", records.UNKNOWN)
            raise INVALID([wrong])
        group = await records.find(self._session, actor, Group, journal.group_id)
        of_journal = (journal.subject_id, journal.academic_year_id, group.grade)
        if (plan.subject_id, plan.academic_year_id, plan.grade) != of_journal:
            raise NOT_THE_JOURNALS_PLAN()
        if followed is None:
            row = JournalPlan(journal_id=journal.id, lesson_plan_id=plan.id, attached_at=actor.now)
            return await records.add(self._session, actor, row)
        if followed.lesson_plan_id == plan.id:
            return followed
        await self._release(actor, journal)
        changes = {
            "lesson_plan_id": plan.id,
            "attached_at": actor.now,
            "applied_at": None,
            "applied_version": None,
        }
        return await records.change(self._session, actor, followed, changes)

    async def apply(
        self, actor: Actor, journal: Journal, *, rehearsal: bool = False
    ) -> dict[str, Any]:
        """Give a locked journal's lessons the items of its plan, and tell how many.

        A ``rehearsal`` does all that and takes it back.
        """
        if (followed := await self.find(actor, journal.id)) is None:
            raise NO_PLAN()
        savepoint = await self._session.begin_nested()
        counts = dict((await self._apply(actor, [journal.id])).mappings().one())
        plan = await records.find(self._session, actor, LessonPlan, followed.lesson_plan_id)
        changes = {"applied_at": actor.now, "applied_version": plan.version}
        await records.change(self._session, actor, followed, changes)
        await (savepoint.rollback() if rehearsal else savepoint.commit())
        return counts

    async def follow(self, actor: Actor, journal_ids: Sequence[int] | Select[int]) -> None:
        """Let the topics of plans move with lessons that were added, cancelled or moved.

        The journals are locked; those that follow no plan, or whose plan was not applied yet, stay
        as they are.
        """
        applied = (
            select(JournalPlan.journal_id)
            .join(Journal, parent_of(Journal, JournalPlan, JournalPlan.journal_id))
            .where(
                JournalPlan.organization_id == actor.organization_id,
                JournalPlan.journal_id.in_(journal_ids),
                JournalPlan.applied_at.is_not(None),
            )
            .order_by(JournalPlan.journal_id)
            .with_for_update(of=Journal)
        )
        following = (await self._session.scalars(applied)).all()
        # So many a statement: however large the school is, none comes near the statement timeout.
        for start in range(0, len(following), AT_ONCE):
            await self._apply(actor, following[start : start + AT_ONCE])

    async def detach(self, actor: Actor, journal: Journal, followed: JournalPlan) -> None:
        """Let a locked journal follow no plan; the topics of lessons to come go with it."""
        await self._release(actor, journal)
        await self._apply(actor, [journal.id], empty=True)
        await self._session.execute(
            delete(PlannedLesson).where(
                PlannedLesson.organization_id == actor.organization_id,
                PlannedLesson.lesson_id.in_(_lessons_of(journal)),
            )
        )
        await records.remove(self._session, actor, followed)

    async def fact(self, actor: Actor, journal_id: int) -> dict[str, Any]:
        """Return the plan of a journal that the actor reads against what was taught (Д.2, 2.7)."""
        await records.find(self._session, actor, Journal, journal_id, foreseen_journals(actor))
        if (followed := await self.find(actor, journal_id)) is None:
            raise NOT_FOUND()
        plan = await records.find(self._session, actor, LessonPlan, followed.lesson_plan_id)
        found = await self._session.execute(
            text(statement("plans/fact")),
            {
                "organization_id": actor.organization_id,
                "journal_id": journal_id,
                "lesson_plan_id": plan.id,
                "today": actor.today,
            },
        )
        items = found.all()
        hours = {
            name: sum(getattr(item, name) for item in items)
            for name in ("hours", "hours_due", "hours_held")
        }
        return {
            "journal_id": journal_id,
            "lesson_plan_id": plan.id,
            "title": plan.title,
            "attached_at": followed.attached_at,
            "applied_at": followed.applied_at,
            "is_current": followed.applied_version == plan.version,
            **hours,
            "lag": hours["hours_due"] - hours["hours_held"],
            "hours_without_lesson": sum(max(0, item.hours - item.hours_planned) for item in items),
            "items": items,
            "version": followed.version,
        }

    async def planned(self, actor: Actor, lesson_id: int) -> Any:
        """Return what the plan offers for a lesson of a journal that the actor reads."""
        offered = (
            select(
                Lesson.id.label("lesson_id"),
                PlannedLesson.plan_item_id,
                PlanItem.number,
                PlanItem.section,
                PlanItem.topic,
                PlanItem.hours,
                PlanItem.homework,
                PlanItem.work_type_id,
                func.coalesce(PlannedLesson.pinned, False).label("pinned"),
                PlannedLesson.version,
            )
            .outerjoin(
                PlannedLesson,
                and_(
                    PlannedLesson.organization_id == Lesson.organization_id,
                    PlannedLesson.lesson_id == Lesson.id,
                ),
            )
            .outerjoin(PlanItem, parent_of(PlanItem, PlannedLesson, PlannedLesson.plan_item_id))
            .where(Lesson.organization_id == actor.organization_id, Lesson.id == lesson_id)
        )
        lesson = await records.find(self._session, actor, Lesson, lesson_id)
        visible = foreseen_journals(actor)
        await records.find(self._session, actor, Journal, lesson.journal_id, visible)
        return (await self._session.execute(offered)).one()

    async def lock_lesson(
        self, actor: Actor, lesson_id: int
    ) -> tuple[Journal, Lesson, PlannedLesson | None]:
        """Lock the journal of a lesson that the actor may plan, and find what it is for."""
        lesson = await records.find(self._session, actor, Lesson, lesson_id)
        journal = await self.lock(actor, lesson.journal_id)
        planned = select(PlannedLesson).where(
            PlannedLesson.organization_id == actor.organization_id,
            PlannedLesson.lesson_id == lesson.id,
        )
        return journal, lesson, (await self._session.scalars(planned)).one_or_none()

    async def pin(
        self,
        actor: Actor,
        journal: Journal,
        lesson: Lesson,
        planned: PlannedLesson | None,
        plan_item_id: int | None,
    ) -> None:
        """Say what a lesson is for, or that it is outside the plan; the others go round it."""
        if (followed := await self.find(actor, journal.id)) is None:
            raise NO_PLAN()
        if plan_item_id is not None:
            item = await records.refer(
                self._session, actor, PlanItem, plan_item_id, "/plan_item_id"
            )
            if item.lesson_plan_id != followed.lesson_plan_id:
                raise INVALID([FieldError("/plan_item_id", "another-plan", ANOTHER_PLAN)])
        values = {"plan_item_id": plan_item_id, "pinned": True}
        if planned is None:
            row = PlannedLesson(lesson_id=lesson.id, **values)
            await records.add(self._session, actor, row)
        else:
            await records.change(self._session, actor, planned, values)
        await self.follow(actor, [journal.id])

    async def unpin(self, actor: Actor, journal: Journal, planned: PlannedLesson) -> None:
        """Let the plan say again what a lesson is for."""
        await records.change(self._session, actor, planned, {"plan_item_id": None, "pinned": False})
        await self.follow(actor, [journal.id])

    async def coverage(
        self, actor: Actor, window: Window, filters: "CoverageFilters"
    ) -> Slice[Any]:
        """Return how far the plans of the journals that the actor reads suffice (А.16, Д.2)."""
        order = (Group.grade, Group.name, Subject.name, Journal.id)
        journals = _coverage(actor, overdue=filters.overdue)
        for name in ("academic_year_id", "subject_id", "group_id"):
            if (value := getattr(filters, name)) is not None:
                journals = journals.where(getattr(Journal, name) == value)
        return await paginate(self._session, journals, window, *order)

    async def _apply(self, actor: Actor, journal_ids: Sequence[int], *, empty: bool = False) -> Any:
        keys = {
            "organization_id": actor.organization_id,
            "journal_ids": journal_ids,
            "empty": empty,
            "today": actor.today,
            "actor_id": actor.person_id,
            "actor_name": actor.full_name,
            "now": actor.now,
            "request_id": actor.request_id,
        }
        await self._session.flush()
        return await self._session.execute(text(statement("plans/apply")), keys)

    async def _release(self, actor: Actor, journal: Journal) -> None:
        """Take all items from the journal's lessons; what was written of them is still known."""
        await self._session.execute(
            update(PlannedLesson)
            .where(
                PlannedLesson.organization_id == actor.organization_id,
                PlannedLesson.lesson_id.in_(_lessons_of(journal)),
            )
            .values(plan_item_id=None, pinned=False, version=PlannedLesson.version + 1)
        )


AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class CoverageFilters:
    """Which journals are asked for; None asks for all."""

    academic_year_id: int | None = None
    subject_id: int | None = None
    group_id: int | None = None
    overdue: bool | None = None


def _lessons_of(journal: Journal) -> Select[int]:
    return select(Lesson.id).where(
        Lesson.organization_id == journal.organization_id, Lesson.journal_id == journal.id
    )


def _plans(actor: Actor) -> Select[Any]:
    hours = (
        select(func.coalesce(func.sum(PlanItem.hours), 0))
        .where(
            PlanItem.organization_id == actor.organization_id,
            PlanItem.lesson_plan_id == LessonPlan.id,
        )
        .scalar_subquery()
    )
    row: Bundle[Any] = Bundle(
        "plan",
        LessonPlan.id,
        LessonPlan.title,
        LessonPlan.academic_year_id,
        LessonPlan.subject_id,
        Subject.name.label("subject_name"),
        LessonPlan.grade,
        LessonPlan.teacher_id,
        Person.full_name.label("teacher_name"),
        hours.label("hours"),
        LessonPlan.version,
    )
    return (
        select(row)
        .select_from(LessonPlan)
        .join(Subject, parent_of(Subject, LessonPlan, LessonPlan.subject_id))
        .join(Person, parent_of(Person, LessonPlan, LessonPlan.teacher_id))
        .where(LessonPlan.organization_id == actor.organization_id, visible_plans(actor))
    )


def _coverage(actor: Actor, *, overdue: bool | None) -> Select[Any]:
    """Return the journals that the actor reads beside their plans and when those are due."""

    def lessons(*conditions: ColumnElement[bool]) -> Any:
        counted = select(func.count()).where(
            Lesson.organization_id == actor.organization_id,
            Lesson.journal_id == Journal.id,
            Lesson.status != LessonStatus.CANCELLED,
            *conditions,
        )
        return counted.correlate(Journal, ReportingPeriod).scalar_subquery()

    hours = (
        select(func.coalesce(func.sum(PlanItem.hours), 0))
        .where(
            PlanItem.organization_id == actor.organization_id,
            PlanItem.lesson_plan_id == JournalPlan.lesson_plan_id,
        )
        .correlate(JournalPlan)
        .scalar_subquery()
    )
    needs_more = lessons(Lesson.lesson_date <= ReportingPeriod.ends_on) > hours
    due_on = (
        select(type_coerce(func.min(ReportingPeriod.begins_on) - DAYS_BEFORE_PERIOD, Date))
        .where(
            ReportingPeriod.organization_id == actor.organization_id,
            ReportingPeriod.academic_year_id == Journal.academic_year_id,
            Group.grade.between(ReportingPeriod.grade_from, ReportingPeriod.grade_to),
            ReportingPeriod.ends_on >= actor.today,
            or_(JournalPlan.applied_at.is_(None), needs_more),
        )
        .scalar_subquery()
    )
    is_overdue = func.coalesce(due_on < actor.today, False)
    row: Bundle[Any] = Bundle(
        "coverage",
        Journal.id.label("journal_id"),
        Journal.group_id,
        Group.name.label("group_name"),
        Journal.subject_id,
        Subject.name.label("subject_name"),
        Journal.academic_year_id,
        JournalPlan.lesson_plan_id,
        JournalPlan.applied_at,
        hours.label("hours"),
        lessons().label("lessons"),
        lessons(Lesson.status == LessonStatus.HELD).label("lessons_held"),
        due_on.label("due_on"),
        is_overdue.label("is_overdue"),
    )
    journals = (
        select(row)
        .select_from(Journal)
        .join(Group, parent_of(Group, Journal, Journal.group_id))
        .join(Subject, parent_of(Subject, Journal, Journal.subject_id))
        .outerjoin(
            JournalPlan,
            and_(
                JournalPlan.organization_id == Journal.organization_id,
                JournalPlan.journal_id == Journal.id,
            ),
        )
        .where(Journal.organization_id == actor.organization_id, foreseen_journals(actor))
    )
    return journals if overdue is None else journals.where(is_overdue == overdue)
