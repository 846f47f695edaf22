output "chart_values" {
  description = "Values for helm/lyceum, as YAML: `helm upgrade --install lyceum helm/lyceum -f <this>`."
  value       = yamlencode(local.chart_values)
}

output "kubernetes_secrets" {
  description = "The Secrets that the values name, as manifests: `kubectl apply --namespace lyceum -f -`."
  value       = join("---\n", local.secret_manifests)
  sensitive   = true
}

output "bucket_settings" {
  description = "For modules/object-storage/apply-settings.py."
  value       = module.object_storage.settings
}

output "bucket_keys" {
  description = "S3 keys by user: backup, copier and logs are for the programs that the README names."
  value       = module.object_storage.keys
  sensitive   = true
}

output "scrape_configs" {
  description = "Scrape job of the managed databases; null without metrics_endpoint."
  value       = module.observability.scrape_configs
  sensitive   = true
}

output "load_balancer" {
  description = "For the Service of the ingress controller: the reserved address, and the annotation that keeps it."
  value = {
    loadBalancerIP = module.network.door_address
    annotations    = { "loadbalancer.openstack.org/keep-floatingip" = "true" }
  }
}

output "cluster_id" {
  description = "The cluster."
  value       = module.kubernetes.cluster_id
}

output "registry" {
  description = "Registry of the images, and what CI pushes with; null where another environment made it."
  value = var.registry_name == null ? null : {
    address            = module.registry[var.registry_name].address
    pull_docker_config = module.registry[var.registry_name].pull_docker_config
    push_docker_config = module.registry[var.registry_name].push_docker_config
  }
  sensitive = true
}

output "zone_id" {
  description = "The DNS zone, for an environment below it."
  value       = module.dns.zone_id
}

output "postgresql" {
  description = "PostgreSQL servers: id for a restore, host, databases."
  value = {
    for name, server in module.postgresql : name => {
      datastore_id = server.datastore_id
      host         = server.host
      databases    = server.databases
    }
  }
}
