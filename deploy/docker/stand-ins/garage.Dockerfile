FROM scratch
ADD system.tar /
COPY --from=image garage /garage
RUN install -d -m 1777 /var/lib/garage /etc/garage
USER 65532:65532
WORKDIR /
CMD ["/garage", "server"]
