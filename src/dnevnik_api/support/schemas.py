from datetime import date, datetime
from typing import Literal

from pydantic import Field

from dnevnik_api.fields import Line, Prose, Read, Request

from .models import SupportState


class SupportRequestCreate(Request):
    subject: Line = Field(examples=["Не вижу оценки за контрольную"])
    text: Prose = Field(examples=["Учитель говорит, что выставил оценку вчера, в дневнике её нет."])


class SupportRequestUpdate(Request):
    state: Literal[SupportState.OPEN, SupportState.CLOSED] = Field(examples=["closed"])


class SupportMessageCreate(Request):
    text: Prose = Field(examples=["Проверьте, пожалуйста, ещё раз: журнал исправлен."])


class SupportMessageRead(Read):
    id: int
    author_id: int
    author_name: str = Field(examples=["Орлова Анна Викторовна"])
    text: str
    written_at: datetime


class SupportRequestRead(Read):
    id: int
    author_id: int
    author_name: str = Field(examples=["Иванова Елена Петровна"])
    subject: str
    state: SupportState
    opened_at: datetime
    answered_at: datetime | None = Field(description="When a coordinator answered first.")
    due_on: date = Field(description="An answer is due within seven calendar days (А.7).")
    closed_at: datetime | None
    version: int
