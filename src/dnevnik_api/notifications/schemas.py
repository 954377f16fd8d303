from datetime import datetime
from typing import Any

from pydantic import Field

from dnevnik_api.fields import Id, Read, Request


class NotificationRead(Read):
    id: int
    kind: str = Field(description="What happened; never translated.", examples=["lesson-cancelled"])
    text: str = Field(
        description="The same in words, in the caller's language.",
        examples=["Урок отменён: Математика, 5А, 14.10.2026, урок 1."],
    )
    data: dict[str, Any] = Field(
        description="What the words are made of, and the ids of what it is about.",
        examples=[{"lesson_id": 812, "subject": "Математика", "lesson_on": "2026-10-14"}],
    )
    created_at: datetime
    read_at: datetime | None


class ReadingWrite(Request):
    up_to_id: Id = Field(description="The newest notification that was seen.", examples=[4096])


class ReadingRead(Read):
    read: int = Field(description="How many of them were unread until now.", examples=[3])
