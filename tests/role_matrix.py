"""The contract of rights, by hand: who may knock at which door. A new endpoint adds its line.

``test_gates.py`` compares it with the routes in both directions.
"""

# Who may act for whom, in the words of the regulation's annexes.
LEADERS = {"coordinator", "director", "deputy"}
TEACHING = {"teacher", "psychologist", "social_pedagogue"}
STAFF = LEADERS | {"homeroom_teacher"} | TEACHING
EVERYONE = STAFF | {"student", "guardian"}

# Doors without a gate.
PUBLIC = {
    "GET /health",
    "GET /ready",
    "GET /.well-known/jwks.json",
    "GET /problems/{code}",
    "GET /docs",
    "GET /metrics",
}

_O = "/v1/organizations/{organization_id}"

DOORS = {
    # organization
    f"GET {_O}": EVERYONE,
    f"PATCH {_O}": {"coordinator"},
    f"GET {_O}/rooms": EVERYONE,
    f"POST {_O}/rooms": {"coordinator"},
    f"GET {_O}/rooms/{{room_id}}": EVERYONE,
    f"PATCH {_O}/rooms/{{room_id}}": {"coordinator"},
    f"DELETE {_O}/rooms/{{room_id}}": {"coordinator"},
    f"GET {_O}/academic-years": EVERYONE,
    f"POST {_O}/academic-years": {"coordinator"},
    f"GET {_O}/academic-years/{{academic_year_id}}": EVERYONE,
    f"PATCH {_O}/academic-years/{{academic_year_id}}": {"coordinator"},
    f"DELETE {_O}/academic-years/{{academic_year_id}}": {"coordinator"},
    f"GET {_O}/reporting-periods": EVERYONE,
    f"POST {_O}/reporting-periods": {"coordinator"},
    f"GET {_O}/reporting-periods/{{period_id}}": EVERYONE,
    f"PATCH {_O}/reporting-periods/{{period_id}}": {"coordinator"},
    f"DELETE {_O}/reporting-periods/{{period_id}}": {"coordinator"},
    f"GET {_O}/holidays": EVERYONE,
    f"POST {_O}/holidays": {"coordinator"},
    f"GET {_O}/holidays/{{holiday_id}}": EVERYONE,
    f"PATCH {_O}/holidays/{{holiday_id}}": {"coordinator"},
    f"DELETE {_O}/holidays/{{holiday_id}}": {"coordinator"},
    f"GET {_O}/bell-schedules": EVERYONE,
    f"POST {_O}/bell-schedules": {"coordinator"},
    f"GET {_O}/bell-schedules/{{bell_schedule_id}}": EVERYONE,
    f"PUT {_O}/bell-schedules/{{bell_schedule_id}}": {"coordinator"},
    f"DELETE {_O}/bell-schedules/{{bell_schedule_id}}": {"coordinator"},
    f"GET {_O}/subjects": EVERYONE,
    f"POST {_O}/subjects": {"coordinator"},
    f"GET {_O}/subjects/{{subject_id}}": EVERYONE,
    f"PATCH {_O}/subjects/{{subject_id}}": {"coordinator"},
    f"DELETE {_O}/subjects/{{subject_id}}": {"coordinator"},
    f"GET {_O}/work-types": EVERYONE,
    f"POST {_O}/work-types": {"coordinator"},
    f"GET {_O}/work-types/{{work_type_id}}": EVERYONE,
    f"PATCH {_O}/work-types/{{work_type_id}}": {"coordinator"},
    f"DELETE {_O}/work-types/{{work_type_id}}": {"coordinator"},
    f"GET {_O}/mark-values": EVERYONE,
    # keeping a lesson
    f"PATCH {_O}/lessons/{{lesson_id}}/record": TEACHING,
    f"POST {_O}/lessons/{{lesson_id}}/works": TEACHING,
    f"GET {_O}/works/{{work_id}}": STAFF,
    f"PATCH {_O}/works/{{work_id}}": TEACHING,
    f"DELETE {_O}/works/{{work_id}}": TEACHING,
    f"GET {_O}/works/{{work_id}}/students/{{student_id}}/marks/{{ordinal}}": STAFF,
    f"PUT {_O}/works/{{work_id}}/students/{{student_id}}/marks/{{ordinal}}": TEACHING,
    f"DELETE {_O}/works/{{work_id}}/students/{{student_id}}/marks/{{ordinal}}": TEACHING,
    f"PUT {_O}/lessons/{{lesson_id}}/entries": TEACHING,
    f"GET {_O}/lessons/{{lesson_id}}/attendance/{{student_id}}": STAFF,
    f"PUT {_O}/lessons/{{lesson_id}}/attendance/{{student_id}}": TEACHING,
    f"DELETE {_O}/lessons/{{lesson_id}}/attendance/{{student_id}}": TEACHING,
    f"POST {_O}/lessons/{{lesson_id}}/homework": TEACHING,
    f"GET {_O}/homework/{{homework_id}}": STAFF,
    f"PATCH {_O}/homework/{{homework_id}}": TEACHING,
    f"DELETE {_O}/homework/{{homework_id}}": TEACHING,
    # reading the journal
    f"GET {_O}/journals/{{journal_id}}/page": STAFF,
    f"GET {_O}/lessons/{{lesson_id}}/sheet": STAFF,
    f"GET {_O}/students/{{student_id}}/diary": LEADERS
    | {"homeroom_teacher", "student", "guardian"},
    f"GET {_O}/students/{{student_id}}/averages": LEADERS
    | {"homeroom_teacher", "student", "guardian"},
    f"GET {_O}/workplace": TEACHING | {"homeroom_teacher"},
    # histories
    f"GET {_O}/mark-changes": {"coordinator"},
    f"GET {_O}/entry-changes": {"coordinator"},
}
