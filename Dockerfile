# An image that serves a device: docker run --rm -p 127.0.0.1:2323:2323 spdm-emulator
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY emulator emulator
COPY profiles profiles
COPY certs certs
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="spdm-emulator" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --create-home --home-dir /home/spdm --shell /usr/sbin/nologin spdm
COPY --from=build /venv /venv
ENV PATH="/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER spdm
WORKDIR /home/spdm
EXPOSE 2323
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["spdm-emulator", "attest", "127.0.0.1:2323", "--measurements", "none"]
# A container is reached from outside its own loopback; publish the port on yours.
ENTRYPOINT ["spdm-emulator", "serve", "--host", "0.0.0.0"]
CMD ["nvme-ssd"]
