# Debian's Postgres, started in the way of the upstream image as far as docker-compose.yml relies on it.
ARG BASE
FROM ${BASE}
# initdb makes the cluster in the volume; the package's own would be in the way.
RUN apt-get update && mkdir -p /etc/postgresql-common \
 && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql \
 && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
 && install --directory --owner postgres --group postgres --mode 1777 /var/lib/postgresql /var/run/postgresql
COPY postgres.sh /usr/local/bin/entrypoint
ENV PGDATA=/var/lib/postgresql/data
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
CMD ["postgres"]
