output "cluster_id" {
  description = "The cluster; `data selectel_mks_kubeconfig_v1` and the panel give the kubeconfig for it."
  value       = selectel_mks_cluster_v1.this.id
}

output "api_address" {
  description = "Address of the Kubernetes API."
  value       = selectel_mks_cluster_v1.this.kube_api_ip
}

output "placement" {
  description = "What a pod needs to stand in a pool: nodeSelector and tolerations for the chart, by pool."
  value = {
    for name, pool in var.pools : name => {
      nodeSelector = { "lyceum/pool" = name }
      tolerations = pool.restricted ? [
        { key = "lyceum/pool", operator = "Equal", value = name, effect = "NoSchedule" },
      ] : []
    }
  }
}

output "nodes_max" {
  description = "How many nodes the autoscaler may start in all: the quota to ask for."
  value       = sum([for group in local.groups : group.max])
}
