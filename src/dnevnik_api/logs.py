"""Logs: one JSON object a line on stderr, ours and the libraries', with ids and no personal data.

The text of an exception may hold what a person wrote (PostgreSQL quotes the value that broke a
constraint), so of an exception only its kind and its place are written.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# The libraries whose course of events an operator wants to see; others only warn.
TALKING = ("uvicorn", "pgqueuer")
MAX_LENGTH = 300

_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


def configure(level: str) -> None:
    """Write everything of ``level`` and above; call it once, before the first line."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        _without_texts,
    ]
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[_unless_quiet, *shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared[:2],
                structlog.stdlib.add_logger_name,
                _first_line,
                *shared[2:],
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)
    for name in TALKING:
        # Below INFO they write whole messages of the network.
        logging.getLogger(name).setLevel(max(threshold, logging.INFO))


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out, in this task, what only tells the course of events."""
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)


def _unless_quiet(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if method == "info" and _QUIET.get():
        raise structlog.DropEvent
    return event


def _without_texts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its kind and its place."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = _chain(error)
    return event


def _chain(error: BaseException | None) -> list[dict[str, Any]]:
    """Return the exception and what led to it, the latest first."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < 5:  # noqa: PLR2004  (longer tells no more)
        frames = traceback.extract_tb(error.__traceback__)
        numbers = {
            name: value
            for name in ("sqlstate", "errno")
            if (value := getattr(error, name, None)) is not None
        }
        chain.append(
            {
                "type": f"{type(error).__module__}.{type(error).__qualname__}",
                **numbers,
                "frames": [f"{one.filename}:{one.lineno} {one.name}" for one in frames[-15:]],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _first_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut a library's message before what it may quote: values follow in the lines after."""
    record: logging.LogRecord = event["_record"]
    # What is filled into the text about an exception is the exception, in its own words.
    text = str(record.msg) if record.exc_info else event["event"]
    event["event"] = text.strip().partition("\n")[0][:MAX_LENGTH]
    return event
