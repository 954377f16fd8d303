"""The ``dnevnik`` command on a school day of the factories, with root's data in a folder of tests.

It is run as a program: ``python school_day.py serve``.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dnevnik_api import clock, embedded

SCHOOL_DAY = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
BEGAN = time.monotonic()


def now() -> datetime:
    return SCHOOL_DAY + timedelta(seconds=time.monotonic() - BEGAN)


if __name__ == "__main__":
    clock.system_clock = now
    for function in (embedded.start, embedded.reset):
        function.__kwdefaults__["base"] = Path(os.environ["DNEVNIK_TEST_BASE"])
    from dnevnik_api.__main__ import main

    main()  # The modules that ask for the time are loaded by this.
