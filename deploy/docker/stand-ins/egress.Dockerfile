FROM scratch
ADD system.tar /
RUN install -d -m 1777 /var/log/squid /var/spool/squid
USER 13:13
WORKDIR /
ENTRYPOINT ["/usr/sbin/squid"]
CMD ["-N"]
