# The server in a container, for clients that start it over stdio:
#   docker build -t meraki-specialist .
#   docker run --rm -i --stop-timeout 120 -v meraki-specialist:/data -e MERAKI_DASHBOARD_API_KEY meraki-specialist
# Approvals are given beside it: docker run --rm -it -v meraki-specialist:/data meraki-specialist approve PLAN_ID
# docs/howto/run-in-a-container.md says the rest.
ARG BASE=python:3.12-slim
FROM ${BASE} AS build
WORKDIR /source
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
RUN python -m venv /opt/meraki && /opt/meraki/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY mcp_server mcp_server
COPY tools tools
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
    && /opt/meraki/bin/pip install --no-cache-dir --no-deps /dist/*.whl

FROM ${BASE}
RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin meraki \
    && install --directory --owner meraki --group meraki --mode 0700 /data
COPY --from=build /opt/meraki /opt/meraki
ENV PATH=/opt/meraki/bin:$PATH PYTHONUNBUFFERED=1 MERAKI_SPECIALIST_HOME=/data
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=60s --timeout=15s --start-period=15s CMD ["meraki-specialist", "doctor", "--offline"]
ENTRYPOINT ["meraki-specialist"]
CMD ["serve"]
