FROM scratch
ADD system.tar /
COPY --from=image weed /usr/bin/weed
RUN install -d -m 1777 /data
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/usr/bin/weed"]
