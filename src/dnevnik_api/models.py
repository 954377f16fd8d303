"""All models in one place, for migrations: importing this fills the metadata."""

from . import history, routing
from .accounts import models as accounts
from .attendance import models as attendance
from .audit import models as audit
from .claims import models as claims
from .classes import models as classes
from .consents import models as consents
from .credentials import models as credentials
from .curriculum import models as curriculum
from .db import Base
from .duties import models as duties
from .factors import models as factors
from .final_marks import models as final_marks
from .homework import models as homework
from .incidents import models as incidents
from .lessons import models as lessons
from .marks import models as marks
from .notifications import models as notifications
from .organizations import models as organizations
from .people import models as people
from .plans import models as plans
from .rollover import models as rollover
from .support import models as support
from .tasks import models as tasks
from .timetable import models as timetable
from .views import models as views

__all__ = [
    "accounts",
    "attendance",
    "audit",
    "claims",
    "classes",
    "consents",
    "credentials",
    "curriculum",
    "duties",
    "factors",
    "final_marks",
    "history",
    "homework",
    "incidents",
    "lessons",
    "marks",
    "notifications",
    "organizations",
    "people",
    "plans",
    "rollover",
    "routing",
    "support",
    "tasks",
    "timetable",
    "views",
]

metadata = Base.metadata
