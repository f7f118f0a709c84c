# One pattern for the three services and for their set-up; which one is a build argument:
#   docker build --build-arg SERVICE=traffic-meter -t campaign-offsets/traffic-meter .
#   docker build --build-arg SERVICE=. -t campaign-offsets/set-up .
# Base and packages are the same layers for all of them, so every image after the first builds in seconds.
ARG PYTHON=3.13-slim

# 1. Packages: everything of the lock file, hashes checked. Nothing of ours is copied before, so that this layer is
#    built again only when the lock file changes. Symbols for debuggers are taken out (45 MB).
FROM python:${PYTHON} AS packages
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /build/
RUN pip install --quiet --no-cache-dir --no-compile --no-deps --disable-pip-version-check --root-user-action=ignore \
      --require-hashes --requirement /build/requirements.lock --target /packages \
 && find /packages -name '*.so*' -size +256k -exec strip --strip-unneeded {} +

# 2. Service: our code of this service, and of the packages those that its own metadata ask for. "." is every service as
#    far as its tables and topics need it, with the commands of the jobs: migrations and topics.
FROM packages AS service
ARG SERVICE
COPY deploy/image/assemble.py deploy/image/migrations deploy/image/topics /build/
COPY shared /source/shared
COPY services/${SERVICE} /source/services/${SERVICE}
RUN python3 /build/assemble.py /packages /source "${SERVICE}" /app

# 3. Runtime: the base, the result, a user without rights. No package manager's caches, no compilers, no tests.
FROM python:${PYTHON} AS runtime
COPY --from=service /app /app
COPY deploy/image/healthy /app/bin/healthy
# The folder a volume may be mounted on; it takes over this owner.
RUN mkdir -p /var/lib/campaign-offsets && chown 10001:10001 /var/lib/campaign-offsets
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app/lib \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8000
# By number: Kubernetes checks runAsNonRoot only against numbers.
USER 10001:10001
WORKDIR /var/lib/campaign-offsets
EXPOSE 8000
