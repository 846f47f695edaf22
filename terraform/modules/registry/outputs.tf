output "address" {
  description = "Host and path of the registry, as image references begin."
  value       = local.address
}

output "pull_docker_config" {
  description = "The .dockerconfigjson with which the cluster pulls."
  value       = local.docker_config["pull"]
  sensitive   = true
}

output "push_docker_config" {
  description = "The DOCKER_AUTH_CONFIG with which CI pushes."
  value       = local.docker_config["push"]
  sensitive   = true
}
