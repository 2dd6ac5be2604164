# Target "production" (the default): web | worker | beat | pull | prepare | manage by argument (see bin/role). Target "demo" adds the
# simulator of Google and the launcher. Only /data is ever written to.
ARG BASE=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${BASE} AS build
COPY requirements.txt /build/
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes \
        -r /build/requirements.txt \
    && /opt/venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY manage.py /app/
COPY bin/role bin/probe /app/bin/
COPY meetadmin /app/meetadmin
COPY spaces /app/spaces
COPY templates /app/templates
COPY static /app/static
COPY locale /app/locale
WORKDIR /app
# The address makes the files compressed and fingerprinted as in production; the key signs nothing and stays out of the image.
RUN MEETADMIN_BASE_URL=https://meetadmin.example.com MEETADMIN_SECRET_KEY="$(cat /proc/sys/kernel/random/uuid)" \
    REDIS_URL=unix:///tmp/build/none.sock \
    MEETADMIN_STATE_DIR=/tmp/build MEETADMIN_STATIC_ROOT=/app/staticfiles \
    /opt/venv/bin/python manage.py collectstatic --noinput \
    && /opt/venv/bin/python -m compileall -q /app /opt/venv/lib

# hadolint ignore=DL3006
FROM ${BASE} AS runtime
RUN groupadd --gid 10001 meetadmin \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin meetadmin \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MEETADMIN_STATE_DIR=/data \
    MEETADMIN_STATIC_ROOT=/app/staticfiles
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/app/bin/probe"]
ENTRYPOINT ["/app/bin/role"]

FROM runtime AS demo
COPY simulator /app/simulator
COPY embedded /app/embedded
COPY requirements.txt /app/requirements.txt
CMD ["demo"]

FROM runtime AS production
CMD ["web"]
