FROM scratch
ADD system.tar /
COPY --from=deploy docker/stand-ins/redis-entrypoint /usr/local/bin/docker-entrypoint.sh
RUN install -d -m 1777 /data
USER 999:999
WORKDIR /data
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
