"""Who asks, and what they may do."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.db.models import Q
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from dnevnik_api.errors import ProblemError
from dnevnik_api.tokens import Tokens

from .models import Journal, Person, RoleAssignment, Work

TOKENS = Tokens(Path(os.environ["DNEVNIK_SIGNING_KEY_FILE"]).read_bytes())


def today() -> date:
    return datetime.now(UTC).date()


def current() -> Q:
    """Return the condition on what begins and ends that it is in force today."""
    return Q(begins_on__lte=today()) & (Q(ends_on=None) | Q(ends_on__gt=today()))


class TokenAuthentication(BaseAuthentication):
    """Find the person of the address's organization whom the bearer token names."""

    @override
    def authenticate(self, request: Request) -> tuple[Person, set[str]]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            claims = TOKENS.verify(token if scheme.lower() == "bearer" else "", datetime.now(UTC))
        except ProblemError:
            raise AuthenticationFailed from None
        ours = request.parser_context["kwargs"]["organization_id"]
        roles = RoleAssignment.objects.filter(
            current(),
            organization=ours,
            person__organization=ours,
            person__account=claims.account_id,
            person__account__sessions=claims.session_id,
            person__account__sessions__ended_at=None,
        ).select_related("person")
        if not roles:
            raise AuthenticationFailed
        return roles[0].person, {one.role for one in roles}

    @override
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ReadsJournal(BasePermission):
    """The journal's teachers and the director."""

    @override
    def has_object_permission(self, request: Request, view: Any, obj: Journal) -> bool:
        teachers = {one.teacher_id for one in obj.current_teachers}
        return request.user.id in teachers or "director" in request.auth


class ReadsStudent(BasePermission):
    """The student and the director."""

    @override
    def has_object_permission(self, request: Request, view: Any, obj: Person) -> bool:
        return request.user == obj or "director" in request.auth


class SetsMarks(BasePermission):
    """The lesson's teacher, from its day on until the window closes."""

    @override
    def has_object_permission(self, request: Request, view: Any, obj: Work) -> bool:
        lesson = obj.lesson
        ours = lesson.teacher_id == request.user.id and "teacher" in request.auth
        return ours and lesson.lesson_date <= today() and datetime.now(UTC) < obj.closes_at
