data "selectel_mks_kube_versions_v1" "offered" {
  project_id = var.project_id
  region     = var.region
}

resource "selectel_mks_cluster_v1" "this" {
  name       = var.name
  project_id = var.project_id
  region     = var.region
  network_id = var.network_id
  subnet_id  = var.subnet_id

  kube_version             = var.kube_version
  cluster_type             = var.cluster_type
  private_kube_api         = var.private_api
  maintenance_window_start = var.maintenance_window_start
  enable_autorepair        = true
  enable_audit_logs        = true
  # Versions are raised by a commit: a cluster that moved by itself would be planned back down.
  enable_patch_version_auto_upgrade = false

  # The chart's NetworkPolicies need a network that enforces them.
  cni_type = "CILIUM"

  cni_cilium_settings {
    envoy_daemonset = true
    hubble_relay    = true
  }

  dynamic "oidc" {
    for_each = var.oidc[*]

    content {
      enabled        = true
      provider_name  = oidc.value.provider_name
      issuer_url     = oidc.value.issuer_url
      client_id      = oidc.value.client_id
      username_claim = oidc.value.username_claim
      groups_claim   = oidc.value.groups_claim
      ca_certs       = oidc.value.ca_certs
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# A warning, not an error: a cluster that runs a version which is no longer offered must still be planned.
check "kube_version_is_offered" {
  assert {
    condition     = contains(data.selectel_mks_kube_versions_v1.offered.versions, var.kube_version)
    error_message = "Kubernetes ${var.kube_version} is not offered in ${var.region}: ${join(", ", data.selectel_mks_kube_versions_v1.offered.versions)}."
  }
}

locals {
  groups = merge([
    for name, pool in var.pools : {
      for zone in coalesce(pool.zones, var.zones) : "${name}-${zone}" => merge(pool, { name = name, zone = zone })
    }
  ]...)
}

resource "selectel_mks_nodegroup_v1" "this" {
  for_each = local.groups

  cluster_id        = selectel_mks_cluster_v1.this.id
  project_id        = var.project_id
  region            = var.region
  availability_zone = each.value.zone

  cpus         = each.value.cpus
  ram_mb       = each.value.ram_mb
  volume_gb    = each.value.volume_gb
  local_volume = each.value.local_volume
  # Types of network volumes are named after the zone; a local volume has none.
  volume_type     = each.value.local_volume ? null : "${each.value.volume_type}.${each.value.zone}"
  keypair_name    = var.keypair_name
  affinity_policy = "soft-anti-affinity"
  preemptible     = each.value.preemptible

  nodes_count         = each.value.min
  enable_autoscale    = each.value.max > each.value.min
  autoscale_min_nodes = each.value.max > each.value.min ? each.value.min : null
  autoscale_max_nodes = each.value.max > each.value.min ? each.value.max : null

  # Required by the provider, also where there is no GPU.
  install_nvidia_device_plugin = false

  labels = merge(each.value.labels, { "lyceum/pool" = each.value.name })

  dynamic "taints" {
    for_each = each.value.restricted ? [each.value.name] : []

    content {
      key    = "lyceum/pool"
      value  = taints.value
      effect = "NoSchedule"
    }
  }

  lifecycle {
    # From now on the autoscaler counts.
    ignore_changes = [nodes_count]
  }
}
