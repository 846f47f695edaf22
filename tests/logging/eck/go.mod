module lyceum.example/eck

go 1.26.0

require github.com/elastic/cloud-on-k8s/v3 v3.5.0
