FROM scratch
ADD system.tar /
COPY --from=deploy docker/stand-ins/rabbitmq-entrypoint /usr/local/bin/docker-entrypoint.sh
COPY --from=deploy docker/stand-ins/rabbitmq-defaults.conf /etc/rabbitmq/conf.d/10-defaults.conf
RUN install -d -m 1777 /var/lib/rabbitmq /var/log/rabbitmq /etc/rabbitmq
ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/rabbitmq RABBITMQ_LOGS=- LANG=C.UTF-8
USER 999:999
WORKDIR /
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
