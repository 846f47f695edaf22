FROM scratch
ARG POSTGRES
ADD system.tar /
COPY --from=deploy docker/stand-ins/postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
RUN install -d -m 1777 /docker-entrypoint-initdb.d /var/lib/postgresql/data /run/postgresql
ENV PATH=/usr/lib/postgresql/${POSTGRES}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PGDATA=/var/lib/postgresql/data LANG=C.UTF-8
USER 999:999
WORKDIR /
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
