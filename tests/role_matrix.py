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
}
