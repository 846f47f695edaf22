# Ours, but on a Debian that has to be pulled: what deploy/backup/Dockerfile says.
FROM scratch
ADD system.tar /
COPY --from=deploy backup/backup.py backup/escrow.py backup/pipeline.py backup/settings.py backup/store.py /usr/local/lib/lyceum/
ENV PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/bin/python3", "/usr/local/lib/lyceum/backup.py"]
