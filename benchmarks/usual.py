"""The usual way: FastAPI, SQLAlchemy statements in the handler, an answer checked by its model.

It signs in and checks rights as the product does, and writes the history of a mark; it has no
row-level security.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from dnevnik_api.accounts.models import AccountSession
from dnevnik_api.attendance.models import Attendance
from dnevnik_api.classes.models import Enrolment, Group
from dnevnik_api.homework.models import Homework
from dnevnik_api.journal import schemas
from dnevnik_api.lessons.models import Journal, JournalTeacher, Lesson, Work
from dnevnik_api.marks.models import Mark, MarkChange
from dnevnik_api.marks.schemas import LessonEntries, LessonWritten, MarkRead, MarkWrite
from dnevnik_api.organizations.models import (
    MarkScale,
    MarkValue,
    Organization,
    Room,
    Subject,
    WorkType,
)
from dnevnik_api.people.models import Person, RoleAssignment
from dnevnik_api.tokens import claims_of

PREFIX = "/v1/organizations/{organization_id}"


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions.begin() as session:
        yield session


Db = Annotated[AsyncSession, Depends(get_session, scope="function")]


class Caller(BaseModel):
    id: int
    full_name: str
    roles: set[str]


async def get_caller(request: Request, organization_id: int, db: Db) -> Caller:
    claims = claims_of(request)
    rows = await db.execute(
        select(Person.id, Person.full_name, RoleAssignment.role)
        .join(AccountSession, AccountSession.account_id == Person.account_id)
        .join(RoleAssignment, RoleAssignment.person_id == Person.id)
        .where(
            AccountSession.id == claims.session_id,
            AccountSession.ended_at.is_(None),
            Person.organization_id == organization_id,
            Person.account_id == claims.account_id,
            RoleAssignment.organization_id == organization_id,
            RoleAssignment.begins_on <= _today(),
            or_(RoleAssignment.ends_on.is_(None), RoleAssignment.ends_on > _today()),
        )
    )
    if not (found := rows.all()):
        raise HTTPException(404)
    return Caller(id=found[0].id, full_name=found[0].full_name, roles={row.role for row in found})


Who = Annotated[Caller, Depends(get_caller)]


def _today() -> date:
    return datetime.now(UTC).date()


def create_app(url: str, tokens: Any, connections: int) -> FastAPI:
    """Return the application."""
    engine = create_async_engine(url, pool_size=connections, max_overflow=0)
    app = FastAPI()
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.tokens = tokens
    app.state.clock = lambda: datetime.now(UTC)
    app.get(PREFIX + "/journals/{journal_id}/page")(read_page)
    app.get(PREFIX + "/students/{student_id}/diary")(read_diary)
    app.get(PREFIX + "/students/{student_id}/averages")(read_averages)
    app.put(PREFIX + "/works/{work_id}/students/{student_id}/marks/{ordinal}")(put_mark)
    app.put(PREFIX + "/lessons/{lesson_id}/entries")(put_entries)
    return app


def _by(rows: Iterable[Any], column: str) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, column)].append(row)
    return groups


def _averages(marks: Iterable[tuple[Mark, float]]) -> tuple[float | None, float | None]:
    counted = [(mark.numeric, weight) for mark, weight in marks if mark.counts]
    if not counted:
        return None, None
    total = sum(number * weight for number, weight in counted)
    return (
        round(sum(number for number, _ in counted) / len(counted), 2),
        round(total / sum(weight for _, weight in counted), 2),
    )


async def read_page(
    organization_id: int,
    journal_id: int,
    from_: Annotated[date, Query(alias="from")],
    to: date,
    who: Who,
    db: Db,
) -> schemas.JournalPage:
    ours = organization_id
    row = (
        await db.execute(
            select(Journal, Group, Subject)
            .join(Group, Group.id == Journal.group_id)
            .join(Subject, Subject.id == Journal.subject_id)
            .where(Journal.organization_id == ours, Journal.id == journal_id)
            .where(Group.organization_id == ours, Subject.organization_id == ours)
        )
    ).one_or_none()
    if row is None:
        raise HTTPException(404)
    journal, group, subject = row
    teachers = (
        await db.scalars(
            select(Person)
            .join(JournalTeacher, JournalTeacher.teacher_id == Person.id)
            .where(Person.organization_id == ours, JournalTeacher.organization_id == ours)
            .where(JournalTeacher.journal_id == journal_id, JournalTeacher.begins_on <= _today())
            .where(or_(JournalTeacher.ends_on.is_(None), JournalTeacher.ends_on > _today()))
        )
    ).all()
    if who.id not in {teacher.id for teacher in teachers} and "director" not in who.roles:
        raise HTTPException(404)

    def here(model: Any) -> Any:
        return select(model).where(
            model.organization_id == ours,
            model.journal_id == journal_id,
            model.lesson_date.between(from_, to),
        )

    lessons = (await db.scalars(here(Lesson).order_by(Lesson.begins_at))).all()
    works = (
        await db.execute(
            here(Work)
            .add_columns(WorkType)
            .join(WorkType, WorkType.id == Work.work_type_id)
            .where(WorkType.organization_id == ours)
            .order_by(Work.id)
        )
    ).all()
    tasks = (
        await db.scalars(
            select(Homework)
            .where(Homework.organization_id == ours)
            .where(Homework.lesson_id.in_([lesson.id for lesson in lessons]))
        )
    ).all()
    students = (
        await db.execute(
            select(Person, Enrolment)
            .join(Enrolment, Enrolment.student_id == Person.id)
            .where(Person.organization_id == ours, Enrolment.organization_id == ours)
            .where(Enrolment.group_id == journal.group_id, Enrolment.begins_on <= to)
            .where(or_(Enrolment.ends_on.is_(None), Enrolment.ends_on > from_))
            .order_by(Person.sort_key)
        )
    ).all()
    marks = (await db.scalars(here(Mark).order_by(Mark.work_id))).all()
    presence = (await db.scalars(here(Attendance))).all()
    weights = {work.id: float(work.weight or kind.weight) for work, kind in works}
    of_student = _by(marks, "student_id")
    averages = {
        student_id: _averages((mark, weights[mark.work_id]) for mark in own)
        for student_id, own in of_student.items()
    }
    none = (None, None)
    absent, works_of, tasks_of = (
        _by(presence, "student_id"),
        _by((_sheet_work(work, kind) for work, kind in works), "lesson_id"),
        _by(tasks, "lesson_id"),
    )
    return schemas.JournalPage.model_validate(
        {
            "journal": {
                "id": journal.id,
                "version": journal.version,
                "group_id": group.id,
                "group_name": group.name,
                "subject_id": subject.id,
                "subject_name": subject.name,
                "assessed": subject.assessed,
                "academic_year_id": journal.academic_year_id,
                "mark_scale": journal.mark_scale,
                "teachers": teachers,
            },
            "from": from_,
            "to": to,
            "lessons": [
                schemas.PageLesson(
                    id=one.id,
                    date=one.lesson_date,
                    number=one.number,
                    begins_at=one.begins_at,
                    ends_at=one.ends_at,
                    status=one.status,
                    topic=one.topic,
                    comment=one.comment,
                    teacher_id=one.teacher_id,
                    substitute_id=one.substitute_id,
                    works=works_of[one.id],
                    homework=[schemas.SheetHomework.model_validate(t) for t in tasks_of[one.id]],
                )
                for one in lessons
            ],
            "students": [
                schemas.PageStudent(
                    id=one.id,
                    full_name=one.full_name,
                    begins_on=enrolment.begins_on,
                    ends_on=enrolment.ends_on,
                    average=averages.get(one.id, none)[0],
                    weighted_average=averages.get(one.id, none)[1],
                    marks=[schemas.PageMark.model_validate(mark) for mark in of_student[one.id]],
                    attendance=[schemas.PageAttendance.model_validate(a) for a in absent[one.id]],
                )
                for one, enrolment in students
            ],
        }
    )


class _WorkOfLesson(schemas.SheetWork):
    lesson_id: int


def _sheet_work(work: Work, kind: WorkType) -> _WorkOfLesson:
    return _WorkOfLesson(
        id=work.id,
        lesson_id=work.lesson_id,
        work_type_id=kind.id,
        work_type=kind.short_name,
        title=work.title,
        weight=float(work.weight or kind.weight),
        checked_on=work.checked_on,
        begins_on=work.begins_on,
        retake_of_id=work.retake_of_id,
        version=work.version,
    )


async def _student(db: AsyncSession, ours: int, student_id: int, who: Caller) -> Person:
    if who.id != student_id and "director" not in who.roles:
        raise HTTPException(404)
    student = await db.get(Person, (ours, student_id))
    if student is None:
        raise HTTPException(404)
    return student


async def read_diary(
    organization_id: int, student_id: int, week: date, who: Who, db: Db
) -> schemas.Diary:
    ours = organization_id
    student = await _student(db, ours, student_id, who)
    monday = week - timedelta(days=week.weekday())
    days = monday, monday + timedelta(days=6)
    lessons = (
        await db.execute(
            select(
                Lesson, Journal.subject_id, Subject.name, Group.name, Person.full_name, Room.name
            )
            .join(Journal, Journal.id == Lesson.journal_id)
            .join(Subject, Subject.id == Journal.subject_id)
            .join(Group, Group.id == Lesson.group_id)
            .join(Enrolment, Enrolment.group_id == Group.id)
            .join(Person, Person.id == Lesson.conducted_by)
            .outerjoin(Room, (Room.organization_id == ours) & (Room.id == Lesson.room_id))
            .where(
                *(
                    model.organization_id == ours
                    for model in (Lesson, Journal, Subject, Group, Enrolment, Person)
                ),
                Enrolment.student_id == student_id,
                Enrolment.begins_on <= Lesson.lesson_date,
                or_(Enrolment.ends_on.is_(None), Enrolment.ends_on > Lesson.lesson_date),
                Lesson.lesson_date.between(*days),
            )
            .order_by(Lesson.begins_at)
        )
    ).all()
    marks = (
        await db.execute(
            select(Mark, Work, WorkType)
            .join(Work, Work.id == Mark.work_id)
            .join(WorkType, WorkType.id == Work.work_type_id)
            .where(*(model.organization_id == ours for model in (Mark, Work, WorkType)))
            .where(Mark.student_id == student_id, Mark.lesson_date.between(*days))
        )
    ).all()
    presence = (
        await db.scalars(
            select(Attendance)
            .where(Attendance.organization_id == ours, Attendance.student_id == student_id)
            .where(Attendance.lesson_date.between(*days))
        )
    ).all()
    tasks = (
        await db.execute(
            select(Homework, Lesson.lesson_date)
            .join(Lesson, Lesson.id == Homework.lesson_id)
            .where(Homework.organization_id == ours, Lesson.organization_id == ours)
            .where(Homework.journal_id.in_([row[0].journal_id for row in lessons]))
            .where(Homework.due_on.between(*days))
        )
    ).all()
    absent = {one.lesson_id: one for one in presence}
    return schemas.Diary.model_validate(
        {
            "student": student,
            "from": days[0],
            "to": days[1],
            "lessons": [
                schemas.DiaryLesson(
                    id=lesson.id,
                    date=lesson.lesson_date,
                    number=lesson.number,
                    begins_at=lesson.begins_at,
                    ends_at=lesson.ends_at,
                    status=lesson.status,
                    journal_id=lesson.journal_id,
                    subject_id=subject_id,
                    subject_name=subject,
                    group_name=group,
                    room=room,
                    teacher=teacher,
                    topic=lesson.topic,
                    comment=lesson.comment,
                    marks=[
                        schemas.DiaryMark(
                            work_id=work.id,
                            ordinal=mark.ordinal,
                            value=mark.value,
                            work_type=kind.short_name,
                            title=work.title,
                            weight=float(work.weight or kind.weight),
                            is_retake=work.retake_of_id is not None,
                            comment=mark.comment,
                            due_on=mark.due_on,
                        )
                        for mark, work, kind in marks
                        if mark.lesson_id == lesson.id
                    ],
                    attendance=absent.get(lesson.id),
                    homework_due=[
                        schemas.DiaryHomework(
                            id=task.id,
                            text=task.text,
                            given_on=given_on,
                            published_at=task.published_at,
                        )
                        for task, given_on in tasks
                        if task.due_on == lesson.lesson_date
                        and task.due_lesson_id in {None, lesson.id}
                        and task.journal_id == lesson.journal_id
                    ],
                )
                for lesson, subject_id, subject, group, teacher, room in lessons
            ],
        }
    )


async def read_averages(
    organization_id: int,
    student_id: int,
    from_: Annotated[date, Query(alias="from")],
    to: date,
    who: Who,
    db: Db,
) -> schemas.Averages:
    ours = organization_id
    student = await _student(db, ours, student_id, who)
    marks = (
        await db.execute(
            select(Mark, Work.weight, WorkType.weight, Subject)
            .join(Work, Work.id == Mark.work_id)
            .join(WorkType, WorkType.id == Work.work_type_id)
            .join(Journal, Journal.id == Mark.journal_id)
            .join(Subject, Subject.id == Journal.subject_id)
            .where(
                *(
                    model.organization_id == ours
                    for model in (Mark, Work, WorkType, Journal, Subject)
                ),
                Mark.student_id == student_id,
                Mark.lesson_date.between(from_, to),
            )
            .order_by(Subject.name, Mark.lesson_date)
        )
    ).all()
    presence = (
        await db.execute(
            select(Attendance, Journal.subject_id)
            .join(Journal, Journal.id == Attendance.journal_id)
            .where(Attendance.organization_id == ours, Journal.organization_id == ours)
            .where(Attendance.student_id == student_id, Attendance.lesson_date.between(from_, to))
        )
    ).all()
    names: dict[int, str] = {}
    by_subject: dict[int, list[tuple[Mark, float]]] = defaultdict(list)
    for mark, own_weight, weight, subject in marks:
        names[subject.id] = subject.name
        by_subject[subject.id].append((mark, float(own_weight or weight)))
    statuses: dict[int, list[str]] = defaultdict(list)
    for one, subject_id in presence:
        statuses[subject_id].append(one.status)
    subjects = []
    for subject_id, own in by_subject.items():
        average, weighted = _averages(own)
        late = statuses[subject_id].count("late")
        subjects.append(
            schemas.SubjectAverage(
                subject_id=subject_id,
                subject_name=names[subject_id],
                marks=[mark.value for mark, _ in own],
                average=average,
                weighted_average=weighted,
                absences=len(statuses[subject_id]) - late,
                late=late,
            )
        )
    return schemas.Averages.model_validate(
        {"student": student, "from": from_, "to": to, "subjects": subjects}
    )


async def _lesson_to_write(db: AsyncSession, ours: int, lesson_id: int, who: Caller) -> Any:
    row = (
        await db.execute(
            select(Lesson, Journal, Group, Subject, Organization)
            .join(Journal, Journal.id == Lesson.journal_id)
            .join(Group, Group.id == Journal.group_id)
            .join(Subject, Subject.id == Journal.subject_id)
            .join(Organization, Organization.id == Lesson.organization_id)
            .where(*(m.organization_id == ours for m in (Lesson, Journal, Group, Subject)))
            .where(Lesson.id == lesson_id)
            .with_for_update(of=Journal)
        )
    ).one_or_none()
    if row is None or row[0].teacher_id != who.id or "teacher" not in who.roles:
        raise HTTPException(404)
    lesson, _, _, _, organization = row
    if lesson.lesson_date > _today():
        raise HTTPException(409)
    closes_at = await db.scalar(
        select(
            func.mark_edit_closes_at(
                lesson.lesson_date,
                organization.mark_edit_window,
                organization.time_zone,
                lesson.lesson_date + timedelta(days=300),
            )
        )
    )
    if closes_at <= datetime.now(UTC):
        raise HTTPException(409)
    return row


async def _write_mark(
    db: AsyncSession,
    kept: Any,
    who: Caller,
    work_id: int,
    student: Person,
    ordinal: int,
    value: str,
) -> Mark:
    lesson, journal, group, subject, _ = kept
    ours = lesson.organization_id
    token = (
        await db.scalars(
            select(MarkValue).where(
                MarkValue.organization_id == ours,
                MarkValue.scale == MarkScale.FIVE_POINT,
                MarkValue.token == value,
            )
        )
    ).one_or_none()
    if token is None:
        raise HTTPException(422)
    mark = (
        await db.scalars(
            select(Mark).where(
                Mark.organization_id == ours,
                Mark.work_id == work_id,
                Mark.student_id == student.id,
                Mark.ordinal == ordinal,
            )
        )
    ).one_or_none()
    old = None
    if mark is None:
        mark = Mark(
            organization_id=ours,
            work_id=work_id,
            lesson_id=lesson.id,
            journal_id=journal.id,
            lesson_date=lesson.lesson_date,
            student_id=student.id,
            ordinal=ordinal,
        )
        db.add(mark)
    else:
        old = mark.value
    mark.value, mark.numeric, mark.counts = value, token.numeric, token.counts
    mark.version, mark.changed_at = journal.version, datetime.now(UTC)
    db.add(
        MarkChange(
            organization_id=ours,
            kind="work",
            changed_at=mark.changed_at,
            actor_id=who.id,
            actor_name=who.full_name,
            journal_id=journal.id,
            lesson_id=lesson.id,
            lesson_date=lesson.lesson_date,
            work_id=work_id,
            group_id=group.id,
            group_name=group.name,
            subject_id=subject.id,
            subject_name=subject.name,
            student_id=student.id,
            student_name=student.full_name,
            ordinal=ordinal,
            old_value=old,
            new_value=value,
            request_id="usual",
        )
    )
    return mark


async def _member(db: AsyncSession, kept: Any, student_id: int) -> Person:
    student = await db.scalar(
        select(Person)
        .join(Enrolment, Enrolment.student_id == Person.id)
        .where(Person.organization_id == kept[0].organization_id, Person.id == student_id)
        .where(Enrolment.organization_id == kept[0].organization_id)
        .where(Enrolment.group_id == kept[1].group_id)
    )
    if student is None:
        raise HTTPException(422)
    return student


async def put_mark(  # noqa: PLR0913, PLR0917
    organization_id: int,
    work_id: int,
    student_id: int,
    ordinal: int,
    body: MarkWrite,
    who: Who,
    db: Db,
    response: Response,
) -> MarkRead:
    work = await db.get(Work, (organization_id, work_id))
    if work is None:
        raise HTTPException(404)
    kept = await _lesson_to_write(db, organization_id, work.lesson_id, who)
    kept[1].version += 1
    student = await _member(db, kept, student_id)
    mark = await _write_mark(db, kept, who, work_id, student, ordinal, body.value)
    response.headers["ETag"] = f'"{mark.version}"'
    return MarkRead.model_validate(mark)


async def put_entries(
    organization_id: int, lesson_id: int, body: LessonEntries, who: Who, db: Db
) -> LessonWritten:
    kept = await _lesson_to_write(db, organization_id, lesson_id, who)
    lesson, journal, *_ = kept
    journal.version += 1
    for one in body.marks:
        student = await _member(db, kept, one.student_id)
        assert one.value is not None
        await _write_mark(db, kept, who, one.work_id, student, one.ordinal, one.value)
    for entry in body.attendance:
        presence = await db.scalar(
            select(Attendance).where(
                Attendance.organization_id == organization_id,
                Attendance.lesson_id == lesson_id,
                Attendance.student_id == entry.student_id,
            )
        )
        if presence is None:
            presence = Attendance(
                organization_id=organization_id,
                lesson_id=lesson_id,
                journal_id=journal.id,
                lesson_date=lesson.lesson_date,
                student_id=entry.student_id,
            )
            db.add(presence)
        presence.status, presence.minutes = str(entry.status), entry.minutes
        presence.version, presence.changed_at = journal.version, datetime.now(UTC)
    return LessonWritten(
        version=journal.version,
        marks_changed=len(body.marks),
        attendance_changed=len(body.attendance),
    )
