"""Refusals, each with a stable code, in Russian and English (RFC 9457 problem documents).

``raise NOT_FOUND()`` or ``raise MARK_EDIT_WINDOW_CLOSED(closed_at=...)``; the values fill the
detail's text. Codes are a promise to clients and are never translated.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from typing_extensions import override


class Text(NamedTuple):
    """One sentence in both languages of the interface."""

    ru: str
    en: str


class FieldError(NamedTuple):
    """What is wrong with one place of a request; the pointer is a JSON pointer (RFC 6901)."""

    pointer: str
    code: str
    detail: Text


class Problem(NamedTuple):
    """A kind of refusal; calling it makes the exception."""

    code: str
    status: int
    title: Text
    detail: Text

    def __call__(
        self,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> "ProblemError":
        """Return the exception; ``values`` fill the placeholders of the detail."""
        return ProblemError(self, errors, headers or {}, values)


class ProblemError(Exception):
    """A request is refused for the reason that ``problem`` names."""

    def __init__(
        self,
        problem: Problem,
        errors: Sequence[FieldError],
        headers: Mapping[str, str],
        values: Mapping[str, Any],
    ) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.errors = errors
        self.headers = headers
        self.values = values

    @override
    def __str__(self) -> str:
        return self.problem.detail.en.format(**self.values)


PROBLEMS: dict[str, Problem] = {}


def _problem(code: str, status: int, title: tuple[str, str], detail: tuple[str, str]) -> Problem:
    problem = Problem(code, status, Text(*title), Text(*detail))
    PROBLEMS[code] = problem
    return problem


# 400: the request can't be read.
BAD_REQUEST = _problem(
    "bad-request",
    400,
    ("Неверный запрос", "Bad request"),
    ("Запрос не удалось прочитать.", "The request can't be read."),
)
BAD_QUERY = _problem(
    "bad-query",
    400,
    ("Неверные параметры запроса", "Bad query"),
    ("Параметр запроса неизвестен или неверен.", "A query parameter is unknown or wrong."),
)
BAD_IDEMPOTENCY_KEY = _problem(
    "bad-idempotency-key",
    400,
    ("Неверный Idempotency-Key", "Bad Idempotency-Key"),
    (
        "Idempotency-Key – от 1 до {longest} печатных символов.",
        "An Idempotency-Key has from 1 to {longest} printable characters.",
    ),
)
BAD_CURSOR = _problem(
    "bad-cursor",
    400,
    ("Неверный курсор", "Bad cursor"),
    (
        "Курсор не от этого списка: начните с первой страницы.",
        "The cursor is not of this list: start with the first page.",
    ),
)

# 401: who is calling?
UNAUTHENTICATED = _problem(
    "unauthenticated",
    401,
    ("Требуется вход", "Sign-in required"),
    ("Нужен действующий токен доступа.", "A valid access token is needed."),
)
BAD_CREDENTIALS = _problem(
    "bad-credentials",
    401,
    ("Вход не удался", "Sign-in failed"),
    ("Логин или пароль неверны.", "The login or the password is wrong."),
)
BAD_CODE = _problem(
    "bad-code",
    401,
    ("Код не подошёл", "Wrong code"),
    (
        "Код неверен, устарел или уже использован.",
        "The code is wrong, too old or was used already.",
    ),
)
BAD_LETTER_TOKEN = _problem(
    "bad-letter-token",
    401,
    ("Ссылка не действует", "The link is no longer good"),
    (
        "Ссылка из письма неверна, устарела или уже использована: запросите новое письмо.",
        "The letter's link is wrong, too old or was used already: ask for another letter.",
    ),
)
TEMPORARY_PASSWORD_EXPIRED = _problem(
    "temporary-password-expired",
    401,
    ("Временный пароль истёк", "Temporary password expired"),
    (
        "Срок временного пароля истёк: попросите школу выдать новый.",
        "The temporary password has expired: ask the school for a new one.",
    ),
)
REFRESH_TOKEN_REUSED = _problem(
    "refresh-token-reused",
    401,
    ("Токен обновления уже использован", "Refresh token reused"),
    (
        "Токен обновления использован повторно, сеанс завершён: войдите снова.",
        "The refresh token was used twice; the session is ended: sign in again.",
    ),
)

# 403: known, seen and not allowed.
FORBIDDEN = _problem(
    "forbidden",
    403,
    ("Недостаточно прав", "Not allowed"),
    (
        "Ваша роль в этой организации этого не позволяет.",
        "Your role in this organization does not allow it.",
    ),
)
REGISTRATION_REQUIRED = _problem(
    "registration-required",
    403,
    ("Завершите регистрацию", "Registration required"),
    (
        "Вход по временному паролю позволяет только задать свой пароль.",
        "A temporary password only lets you set a password of your own.",
    ),
)
SECOND_FACTOR_NEEDED = _problem(
    "second-factor-needed",
    403,
    ("Нужен одноразовый код", "One-time code needed"),
    (
        "Пароль верен: введите код из приложения или резервный код.",
        "The password was right: send the code of the authenticator, or a recovery code.",
    ),
)
SECOND_FACTOR_ENROLMENT_NEEDED = _problem(
    "second-factor-enrolment-needed",
    403,
    ("Подключите второй фактор", "Enrol a second factor"),
    (
        "Школа требует от вас второй фактор: подключите его и войдите снова.",
        "Your school asks for a second factor: enrol one, and sign in again.",
    ),
)
NOT_LESSONS_TEACHER = _problem(
    "not-the-lessons-teacher",
    403,
    ("Урок ведёт другой педагог", "Not the lesson's teacher"),
    (
        "Записи урока ведёт только его педагог или тот, кто его замещает.",
        "Only the lesson's teacher or the recorded substitute keeps it.",
    ),
)
NOT_OWN_CLASS = _problem(
    "not-own-class",
    403,
    ("Не ваш класс", "Not your class"),
    (
        "Классный руководитель делает это только в своём классе.",
        "A homeroom teacher does this in the own class only.",
    ),
)
NOT_OWN_DUTY = _problem(
    "not-own-duty",
    403,
    ("Не ваша обязанность", "Not your duty"),
    (
        "Исполнение подтверждает тот, на кого обязанность возложена.",
        "Whose duty it is attests that it was done.",
    ),
)
NOT_OWN_PLAN = _problem(
    "not-own-plan",
    403,
    ("Не ваш план", "Not your plan"),
    (
        "План меняет его автор, педагог журнала, который по нему ведётся, или координатор.",
        "Its author, who teaches a journal that follows it, or a coordinator changes a plan.",
    ),
)
NOT_JOURNALS_TEACHER = _problem(
    "not-the-journals-teacher",
    403,
    ("Журнал ведёт другой педагог", "Not the journal's teacher"),
    (
        "План журнала выбирает и применяет тот, кто его ведёт, или координатор.",
        "Who teaches the journal, or a coordinator, chooses and applies its plan.",
    ),
)

# 404, 405: absent, or not for the caller to know of.
NOT_FOUND = _problem(
    "not-found",
    404,
    ("Не найдено", "Not found"),
    ("Этого нет или оно вам не доступно.", "It is absent, or not for you to see."),
)
METHOD_NOT_ALLOWED = _problem(
    "method-not-allowed",
    405,
    ("Метод не поддерживается", "Method not allowed"),
    ("По этому адресу так обращаться нельзя.", "This address does not take this method."),
)

# 409: the state says no.
JOB_FINISHED = _problem(
    "job-finished",
    409,
    ("Работа уже закончена", "Job finished"),
    ("Остановить можно только то, что ещё не закончено.", "Only what is not over can be stopped."),
)
CONFLICT = _problem(
    "conflict",
    409,
    ("Противоречие", "Conflict"),
    (
        "Такая запись уже есть или противоречит другой.",
        "Such a record exists already, or contradicts another.",
    ),
)
IN_USE = _problem(
    "in-use",
    409,
    ("Запись используется", "In use"),
    (
        "Запись нельзя удалить: на неё ссылаются другие.",
        "The record can't be removed: others refer to it.",
    ),
)
OVERLAP = _problem(
    "overlap",
    409,
    ("Сроки пересекаются", "Overlap"),
    ("Сроки пересекаются с другой записью.", "The dates overlap those of another record."),
)
CONSENT_WITHDRAWN = _problem(
    "consent-withdrawn",
    409,
    ("Согласие уже отозвано", "Withdrawn already"),
    ("Это согласие уже отозвано.", "The consent is withdrawn already."),
)
ROLLOVER_DONE = _problem(
    "rollover-done",
    409,
    ("Перевод уже выполнен", "Transferred already"),
    (
        "Этот учебный год уже переведён; сначала отмените прежний перевод.",
        "This academic year is transferred already; undo that first.",
    ),
)
ROLLOVER_WITHDRAWN = _problem(
    "rollover-withdrawn",
    409,
    ("Перевод уже отменён", "Undone already"),
    ("Перевод на новый учебный год уже отменён.", "The transfer is undone already."),
)
ROLLOVER_HAS_LESSONS = _problem(
    "rollover-has-lessons",
    409,
    ("Уроки уже созданы", "There are lessons"),
    (
        "Перевод нельзя отменить: в новых журналах уже есть уроки.",
        "The transfer can't be undone: the new journals have lessons.",
    ),
)
ROLLOVER_CHANGED = _problem(
    "rollover-changed",
    409,
    ("Изменено после перевода", "Changed since"),
    (
        "Перевод нельзя отменить точно: даты, которые он поставил, с тех пор изменены.",
        "The transfer can't be undone exactly: dates that it set were changed since.",
    ),
)
TIMETABLE_CLASH = _problem(
    "timetable-clash",
    409,
    ("Накладка в расписании", "Timetable clash"),
    (
        "Педагог, кабинет, группа или учащийся уже заняты в это время: {clashes}",
        "A teacher, room, group or student is already busy at that time: {clashes}",
    ),
)
NO_BELL = _problem(
    "no-bell",
    409,
    ("Нет звонка", "No bell"),
    (
        "В расписании звонков нет уроков с номерами: {numbers}.",
        "The bell schedule has no lessons with the numbers: {numbers}.",
    ),
)
MARK_EDIT_WINDOW_CLOSED = _problem(
    "mark-edit-window-closed",
    409,
    ("Период редактирования оценок истёк", "Mark edit window closed"),
    (
        "Оценки этого урока можно было менять до {closed_at}.",
        "This lesson's marks could be changed until {closed_at}.",
    ),
)
PERIOD_CLOSED = _problem(
    "period-closed",
    409,
    ("Период закрыт", "Period closed"),
    (
        "Итоговые оценки за период выставлены: журнал этого периода не редактируется.",
        "The period's final marks are set: its journal can't be edited.",
    ),
)
CLAIM_TOO_LATE = _problem(
    "claim-too-late",
    409,
    ("Срок сообщения об ошибке прошёл", "Too late to claim"),
    (
        "Об ошибочной оценке сообщают в течение трёх календарных дней с её обнаружения: {day}.",
        "A wrong mark is reported within three calendar days of its discovery: {day}.",
    ),
)
CLAIM_OPEN = _problem(
    "claim-open",
    409,
    ("Об этой оценке уже сообщили", "Already claimed"),
    (
        "Сообщение об этой оценке ждёт ответа учителя.",
        "A claim about this mark is waiting for the teacher.",
    ),
)
CLAIM_SETTLED = _problem(
    "claim-settled",
    409,
    ("Ответ уже дан", "Already settled"),
    (
        "Сообщение уже рассмотрено или отозвано.",
        "The claim was answered or withdrawn already.",
    ),
)
NOT_CLAIMANT = _problem(
    "not-the-claimant",
    403,
    ("Сообщение сделали не вы", "Not your claim"),
    ("Отозвать сообщение может тот, кто его сделал.", "Only who made the claim withdraws it."),
)
ALREADY_REOPENED = _problem(
    "already-reopened",
    409,
    ("Журнал уже открыт для другого периода", "Already reopened for another period"),
    (
        "Сначала закройте период, открытый для редактирования раньше.",
        "Close first what was reopened before.",
    ),
)
NOT_REOPENED = _problem(
    "not-reopened",
    409,
    ("Период не открыт для редактирования", "Not reopened"),
    ("Период уже закрыт для редактирования.", "The period is closed already."),
)
LESSON_IN_FUTURE = _problem(
    "lesson-in-future",
    409,
    ("Урока ещё не было", "Lesson in the future"),
    (
        "До дня урока оценки и посещаемость не выставляются.",
        "Marks and attendance can't be set before the day of the lesson.",
    ),
)
YEAR_OVER = _problem(
    "academic-year-over",
    409,
    ("Учебный год окончен", "Academic year over"),
    (
        "После {last} меняют лишь то, что открыл координатор; недостающие оценки выставляют.",
        "After {last} only what a coordinator opened is changed; missing marks are set.",
    ),
)
PERIOD_NOT_BEGUN = _problem(
    "period-not-begun",
    409,
    ("Период ещё не начался", "Period not begun"),
    (
        "Итоговая оценка за период выставляется не раньше его начала.",
        "A period takes no final mark before it begins.",
    ),
)
LESSON_CANCELLED = _problem(
    "lesson-cancelled",
    409,
    ("Урок отменён", "Lesson cancelled"),
    (
        "Урок отменён: записи в нём не ведутся.",
        "The lesson is cancelled: nothing is entered in it.",
    ),
)
LESSON_HELD = _problem(
    "lesson-held",
    409,
    ("Урок уже вёлся", "Lesson already kept"),
    (
        "В уроке уже есть записи: его нельзя изменить так.",
        "The lesson already has entries: it can't be changed like that.",
    ),
)
LESSONS_JOINED = _problem(
    "lessons-joined",
    409,
    ("Уроки объединены", "Lessons are joined"),
    (
        "Уроки групп объединены: сначала разделите их.",
        "Groups are taught together in this lesson: separate them first.",
    ),
)
LESSONS_NOT_PARALLEL = _problem(
    "lessons-not-parallel",
    409,
    ("Уроки не параллельны", "Lessons are not parallel"),
    (
        "Объединить можно с уроком другой группы, который идёт в то же время сам по себе.",
        "A lesson is joined to one of another group that is held at the same time on its own.",
    ),
)
OTHER_GROUPS_JOURNAL = _problem(
    "other-groups-journal",
    409,
    ("Журнал другой группы", "Another group's journal"),
    (
        "Заменить урок может урок другого журнала того же класса или группы.",
        "A lesson is replaced by one of another journal of the same group.",
    ),
)
CONSENT_MISSING = _problem(
    "consent-missing",
    409,
    ("Нет согласия", "Consent is missing"),
    (
        "Школа вносит данные только с согласием на их обработку.",
        "The school takes data only with a consent to their processing.",
    ),
)
TOO_FEW_TO_DIVIDE = _problem(
    "too-few-to-divide",
    409,
    ("Делить некого", "Too few to divide"),
    (
        "В классе в этот день {count} уч. – меньше, чем групп.",
        "The class has {count} students on that day, fewer than there are parts.",
    ),
)
NOT_ENROLLED = _problem(
    "not-enrolled",
    409,
    ("Учащийся не в группе", "Not enrolled"),
    (
        "В эти дни учащийся не числится в этой группе.",
        "The student is not enrolled in the group on these days.",
    ),
)
NOT_ASSESSED = _problem(
    "subject-not-assessed",
    409,
    ("Предмет без аттестации", "Subject without attestation"),
    (
        "По предмету без аттестации итоговая оценка не выставляется.",
        "A subject without attestation takes no final mark.",
    ),
)
PERIOD_HAS_FINAL_MARKS = _problem(
    "period-has-final-marks",
    409,
    ("За период выставлены итоговые оценки", "The period has final marks"),
    (
        "За период выставлены итоговые оценки: его даты и классы не меняются.",
        "Final marks of the period are set: its dates and grades stay as they are.",
    ),
)
SUBJECT_HAS_FINAL_MARKS = _problem(
    "subject-has-final-marks",
    409,
    ("По предмету выставлены итоговые оценки", "The subject has final marks"),
    (
        "По предмету в этом году выставлены итоговые оценки: он остаётся с аттестацией.",
        "Final marks of this year are set in the subject: it stays an assessed one.",
    ),
)
SCALE_IN_USE = _problem(
    "scale-in-use",
    409,
    ("По этой шкале уже стоят отметки", "Marks stand by this scale already"),
    (
        "В журналах ({count}) есть отметки: {journals}. Новая шкала – со следующего учебного года.",
        "Marks stand in journals ({count}): {journals}. A new scale begins with the next year.",
    ),
)
LESSONS_ON_HOLIDAY = _problem(
    "lessons-on-holiday",
    409,
    ("На эти дни запланированы уроки", "Lessons are planned on these days"),
    (
        "На эти дни запланировано уроков: {count} ({lessons}). Сначала отзовите или отмените их.",
        "Lessons planned on these days: {count} ({lessons}). Withdraw or cancel them first.",
    ),
)
OUTSIDE_ACADEMIC_YEAR = _problem(
    "outside-academic-year",
    409,
    ("Вне учебного года", "Outside the academic year"),
    (
        "Даты выходят за учебный год {begins_on} – {ends_on}.",
        "The dates leave the academic year {begins_on} – {ends_on}.",
    ),
)
LATE_SUBSTITUTION = _problem(
    "late-substitution",
    409,
    ("Урок уже начался", "The lesson has begun"),
    ("Замена записывается до начала урока.", "A substitution is recorded before the lesson."),
)
TOO_MANY_ROWS = _problem(
    "too-many-rows",
    409,
    ("Слишком большой отчёт", "Too many rows"),
    ("В отчёте больше {limit} строк: сузьте фильтры.", "Over {limit} rows: narrow the filters."),
)
SECOND_FACTOR_ENROLLED = _problem(
    "second-factor-enrolled",
    409,
    ("Второй фактор уже подключён", "Already enrolled"),
    (
        "Второй фактор уже подключён: сначала отключите его.",
        "A second factor is enrolled already: switch it off first.",
    ),
)
SECOND_FACTOR_ABSENT = _problem(
    "second-factor-absent",
    409,
    ("Второго фактора нет", "No second factor"),
    ("Второй фактор не подключён.", "There is no second factor to do this with."),
)
NO_ACCOUNT = _problem(
    "no-account",
    409,
    ("Нет учётной записи", "No account"),
    ("У этого человека ещё нет учётной записи.", "This person has no account yet."),
)
NOTICE_IN_FORCE = _problem(
    "notice-in-force",
    409,
    ("Уже сообщено", "Already reported"),
    (
        "О компрометации уже сообщено, вход закрыт: выдайте новые данные для входа.",
        "The compromise is reported and sign-in blocked already: issue new credentials.",
    ),
)
NOTICE_WITHDRAWN = _problem(
    "notice-withdrawn",
    409,
    ("Уже отозвано", "Already withdrawn"),
    ("Это уведомление уже отозвано.", "This notice is withdrawn already."),
)
BATCH_TOO_LARGE = _problem(
    "batch-too-large",
    409,
    ("Слишком много людей", "Too many people"),
    (
        "За один раз – не больше {limit} человек: выдавайте по классам.",
        "At most {limit} people at once: take class by class.",
    ),
)
LAST_COORDINATOR = _problem(
    "last-coordinator",
    409,
    ("Последний координатор", "Last coordinator"),
    (
        "В организации остаётся хотя бы один координатор.",
        "An organization keeps at least one coordinator.",
    ),
)
SUPPORT_REQUEST_CLOSED = _problem(
    "support-request-closed",
    409,
    ("Обращение закрыто", "Request closed"),
    ("Обращение закрыто: откройте его снова.", "The request is closed: open it again first."),
)
NO_PLAN = _problem(
    "no-plan",
    409,
    ("Нет плана", "No plan"),
    ("У этого журнала нет календарного плана.", "This journal follows no lesson plan."),
)
NOT_THE_JOURNALS_PLAN = _problem(
    "not-the-journals-plan",
    409,
    ("План не для этого журнала", "Not a plan for this journal"),
    (
        "План составлен для другого предмета, параллели или учебного года.",
        "The plan is of another subject, grade or academic year.",
    ),
)
NOT_A_MEMBER = _problem(
    "not-a-member",
    409,
    ("Не числится", "Not a member"),
    (
        "На эту дату учащийся не числится в этой группе или в школе.",
        "On that day the student is not in the group or not in the school.",
    ),
)
NOT_OF_THE_CLASSES = _problem(
    "not-of-the-classes",
    409,
    ("Не из классов группы", "Not of the group's classes"),
    (
        "Учебная группа набирается из своих классов: учащийся должен в это время числиться в них.",
        "A study group is drawn from its classes: the student must be in one of them then.",
    ),
)
NOT_A_CLASS = _problem(
    "not-a-class",
    409,
    ("Это не класс", "Not a class"),
    (
        "Классного руководителя назначают классу, а не учебной группе.",
        "A homeroom teacher is given to a class, not to a study group.",
    ),
)
IS_A_STUDENT = _problem(
    "is-a-student",
    409,
    ("Это учащийся", "This is a student"),
    (
        "Учащемуся этой школы роль работника не даётся, пока он здесь учится.",
        "A student of this school is given no role of staff while learning there.",
    ),
)
ALREADY_REGISTERED = _problem(
    "already-registered",
    409,
    ("Уже зарегистрирован", "Already registered"),
    (
        "У этого человека уже есть зарегистрированная учётная запись.",
        "This person already has a registered account.",
    ),
)
ALREADY_LINKED = _problem(
    "already-linked",
    409,
    ("Вы уже в этой школе", "Already in this school"),
    (
        "Ваша учётная запись уже связана с человеком в этой школе.",
        "Your account already belongs to a person in this school.",
    ),
)
REFRESH_IN_PROGRESS = _problem(
    "refresh-in-progress",
    409,
    ("Токен уже обновлён", "Already refreshed"),
    (
        "Токен только что обновлён другим запросом: возьмите его ответ.",
        "The token has just been refreshed by another request: use its answer.",
    ),
)
IDEMPOTENCY_KEY_IN_USE = _problem(
    "idempotency-key-in-use",
    409,
    ("Запрос ещё выполняется", "Still running"),
    (
        "Запрос с этим Idempotency-Key ещё выполняется: повторите позже.",
        "A request with this Idempotency-Key is still running: repeat later.",
    ),
)

# 412, 428: versions.
STALE_VERSION = _problem(
    "stale-version",
    412,
    ("Запись изменилась", "Stale version"),
    (
        "Запись изменилась с тех пор, как вы её прочитали: прочитайте её снова.",
        "The record has changed since you read it: read it again.",
    ),
)
PRECONDITION_REQUIRED = _problem(
    "precondition-required",
    428,
    ("Нужна версия записи", "Version required"),
    (
        "Передайте If-Match с версией записи (для новой: If-None-Match: *).",
        "Send If-Match with the record's version (for a new one: If-None-Match: *).",
    ),
)

# 413, 415, 431: limits.
BODY_TOO_LARGE = _problem(
    "body-too-large",
    413,
    ("Слишком большой запрос", "Body too large"),
    ("Тело запроса больше, чем допустимо.", "The body is larger than allowed."),
)
UNSUPPORTED_MEDIA_TYPE = _problem(
    "unsupported-media-type",
    415,
    ("Тип данных не поддерживается", "Unsupported media type"),
    (
        "Передайте данные как application/json (таблицы – как text/csv или XLSX).",
        "Send the data as application/json (tables as text/csv or XLSX).",
    ),
)
HEADERS_TOO_LARGE = _problem(
    "headers-too-large",
    431,
    ("Слишком большие заголовки", "Headers too large"),
    (
        "Заголовки или адрес запроса длиннее, чем допустимо.",
        "The headers or the address are longer than allowed.",
    ),
)
REQUEST_TIMEOUT = _problem(
    "request-timeout",
    408,
    ("Запрос не дошёл", "Request timeout"),
    ("Тело запроса не пришло вовремя.", "The body did not arrive in time."),
)

# 422: the body is not what the endpoint takes.
INVALID = _problem(
    "invalid",
    422,
    ("Неверные данные", "Invalid data"),
    ("Данные не приняты: исправьте перечисленное.", "The data is refused: mend what is listed."),
)
IMPORT_REFUSED = _problem(
    "import-refused",
    422,
    ("Файл не принят", "File refused"),
    (
        "В файле ошибок: {count}. Ничего не изменено: исправьте перечисленное и загрузите снова.",
        "Errors in the file: {count}. Nothing is changed: mend what is listed and send it again.",
    ),
)
WEAK_PASSWORD = _problem(
    "weak-password",
    422,
    ("Слабый пароль", "Weak password"),
    (
        "Пароль слишком короткий (нужно {minimum} символов), распространённый или похож на логин.",
        "The password is too short ({minimum} characters are needed), common or like the login.",
    ),
)
IDEMPOTENCY_KEY_REUSED = _problem(
    "idempotency-key-reused",
    422,
    ("Idempotency-Key уже занят", "Idempotency-Key reused"),
    (
        "Этот Idempotency-Key уже использован с другим запросом.",
        "This Idempotency-Key was used with another request.",
    ),
)

# 429, 5xx: later.
TOO_MANY_REQUESTS = _problem(
    "too-many-requests",
    429,
    ("Слишком много попыток", "Too many requests"),
    (
        "Слишком много попыток: повторите через {seconds} с.",
        "Too many attempts: repeat in {seconds} s.",
    ),
)
INTERNAL = _problem(
    "internal",
    500,
    ("Внутренняя ошибка", "Internal error"),
    (
        "Ошибка на нашей стороне; сообщите номер запроса поддержке.",
        "The fault is ours; tell the support the request id.",
    ),
)
UNAVAILABLE = _problem(
    "unavailable",
    503,
    ("Временно недоступно", "Unavailable"),
    (
        "Сервис временно недоступен: повторите чуть позже.",
        "The service is away for a moment: repeat a little later.",
    ),
)
TIMED_OUT = _problem(
    "timed-out",
    504,
    ("Слишком долго", "Timed out"),
    ("Запрос занял слишком много времени.", "The request took too long."),
)
