# Serves one bundle:
#
#     docker build -t modelwright .
#     docker run -p 127.0.0.1:8000:8000 -v "$PWD/runs/tickets/bundle:/bundle:ro" -v modelwright-keys:/keys modelwright
#
# The key for clients is shown once, in the log of the first start; or set MODELWRIGHT_KEY. Publish the port on loopback, as above, and let a
# proxy do TLS: see docs/how-to/serve-behind-a-proxy.md.
FROM python:3.11-slim

# LightGBM needs OpenMP's runtime, which the slim image leaves out.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 10001 modelwright \
    && install --directory --owner modelwright --mode 700 /keys

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
# What every winner on tables and texts needs. A bundle says in bundle.json, under "extras", what it needs itself: less makes a smaller
# image (--build-arg EXTRAS=catboost,serve), pictures and sound need more (--build-arg EXTRAS=nn,image,audio,serve).
ARG EXTRAS=nn,catboost,text,language,pretrained,llm,chinese,retrieval,explain,serve
RUN pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]"

USER modelwright
ENV PYTHONUNBUFFERED=1
EXPOSE 8000
VOLUME ["/keys"]

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import socket, urllib.request as u; u.urlopen(f'http://{socket.gethostbyname(socket.gethostname())}:8000/healthz', timeout=4)"]

# A container's loopback is its own, so the service binds to the one address that the container has, and to no other.
ENTRYPOINT ["sh", "-c", "exec modelwright serve /bundle --host \"$(hostname -i | cut -d' ' -f1)\" --behind-proxy --key-file /keys/keys.json \"$@\"", "modelwright"]
