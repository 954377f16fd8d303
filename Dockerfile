FROM python:3.11-slim AS build

WORKDIR /app
COPY requirements.lock ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock

COPY alembic.ini ./
COPY migrations migrations
COPY src src
# The root file system may be read-only later, so the byte code is made now.
RUN printf '%s\n' '#!/bin/sh' \
        'exec /app/.venv/bin/python -m dnevnik_api "$@"' \
        > .venv/bin/dnevnik \
    && chmod 755 .venv/bin/dnevnik \
    && .venv/bin/python -m compileall -q src


FROM python:3.11-slim

RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin dnevnik \
    && install --directory --owner=dnevnik --group=dnevnik --mode=0700 /data
WORKDIR /app
COPY --from=build /app /app

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app/src \
    PYTHONDONTWRITEBYTECODE=1 \
    DNEVNIK_HOME=/data \
    DNEVNIK_HOST=0.0.0.0 \
    DNEVNIK_PORT=8000
USER 10001:10001
EXPOSE 8000
# DNEVNIK_DATABASE_URL names the database; `dnevnik worker` and `dnevnik migrate` are the other uses.
CMD ["dnevnik", "serve"]

# The opener has no proxies: the environment may name one, and it can't reach this address.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['DNEVNIK_PORT'] + '/health', timeout=4)"]
