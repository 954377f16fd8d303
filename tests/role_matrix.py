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
}
