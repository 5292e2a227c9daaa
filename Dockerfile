# LeadBridge, with the driver of PostgreSQL. Build it in a clone: docker build -t leadbridge .
# It serves HTTP on its own loopback (compose.yaml), or stdio: docker run -i --rm --no-healthcheck leadbridge serve
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/build.txt
RUN python -m venv /opt/leadbridge && /opt/leadbridge/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
COPY server/ server/
COPY tools/ tools/
COPY prompts/ prompts/
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && /opt/leadbridge/bin/pip install --no-cache-dir --no-deps --no-index /opt/wheel/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/leadbridge --create-home leadbridge
COPY --from=build /opt/leadbridge /opt/leadbridge
# The history, unless LEADBRIDGE_STATE_URL says elsewhere, is in /var/lib/leadbridge: the one place that is written to.
ENV PATH=/opt/leadbridge/bin:$PATH HOME=/var/lib/leadbridge XDG_STATE_HOME=/var/lib PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /var/lib/leadbridge
VOLUME /var/lib/leadbridge
# Any answer will do: without an MCP message, the server refuses the request.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8321, timeout=4); c.request('GET', '/mcp'); c.getresponse()"]
ENTRYPOINT ["leadbridge"]
CMD ["serve", "--http"]
