mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  name         = "lyceum-test"
  project_id   = "project-1"
  region       = "ru-7"
  zones        = ["ru-7a", "ru-7b", "ru-7c"]
  network_id   = "network-1"
  subnet_id    = "subnet-1"
  kube_version = "1.34.1"

  pools = {
    general    = { cpus = 4, ram_mb = 8192, min = 1, max = 6 }
    restricted = { cpus = 4, ram_mb = 8192, min = 2, max = 2, restricted = true }
  }
}

run "a_group_for_each_pool_and_zone" {
  command = plan

  assert {
    condition = toset(keys(selectel_mks_nodegroup_v1.this)) == toset([
      "general-ru-7a", "general-ru-7b", "general-ru-7c", "restricted-ru-7a", "restricted-ru-7b", "restricted-ru-7c",
    ])
    error_message = "There must be one node group for each pool in each zone."
  }

  assert {
    condition     = selectel_mks_nodegroup_v1.this["general-ru-7b"].volume_type == "fast.ru-7b"
    error_message = "A volume's type is named after its zone."
  }

  assert {
    condition     = output.nodes_max == 24
    error_message = "The quota is the sum over zones."
  }
}

run "personal_data_stands_apart" {
  command = plan

  assert {
    condition = alltrue([
      for name, group in selectel_mks_nodegroup_v1.this :
      join(",", [for taint in group.taints : "${taint.key}=${taint.value}:${taint.effect}"]) == (startswith(name, "restricted") ? "lyceum/pool=restricted:NoSchedule" : "")
    ])
    error_message = "Only the restricted groups turn pods away, and all of them do."
  }

  assert {
    condition     = output.placement["restricted"].tolerations[0].value == selectel_mks_nodegroup_v1.this["restricted-ru-7a"].labels["lyceum/pool"]
    error_message = "What pods tolerate must be what nodes are tainted with."
  }
}

run "autoscaling_only_where_there_is_room" {
  command = plan

  assert {
    condition     = selectel_mks_nodegroup_v1.this["general-ru-7a"].enable_autoscale && selectel_mks_nodegroup_v1.this["general-ru-7a"].autoscale_max_nodes == 6
    error_message = "general must scale to 6."
  }

  assert {
    condition     = !selectel_mks_nodegroup_v1.this["restricted-ru-7a"].enable_autoscale
    error_message = "A group of fixed size must not be scaled."
  }
}

run "network_policies_are_enforced" {
  command = plan

  assert {
    condition     = selectel_mks_cluster_v1.this.cni_type == "CILIUM" && selectel_mks_cluster_v1.this.private_kube_api
    error_message = "Cilium, and an API that is not on the Internet."
  }
}

run "a_version_that_is_not_offered_is_noticed" {
  command = plan

  variables {
    kube_version = "1.31.99"
  }

  expect_failures = [check.kube_version_is_offered]
}

run "three_zones_need_three_zones" {
  command = plan

  variables {
    zones = ["ru-7a"]
  }

  expect_failures = [var.cluster_type]
}

run "a_zone_of_another_region_is_refused" {
  command = plan

  variables {
    zones = ["ru-7a", "ru-7b", "ru-3a"]
  }

  expect_failures = [var.zones]
}

run "nothing_but_restricted_pools_is_refused" {
  command = plan

  variables {
    pools = { restricted = { cpus = 4, ram_mb = 8192, min = 1, max = 2, restricted = true } }
  }

  expect_failures = [var.pools]
}

run "money_on_preemptible_nodes_is_refused" {
  command = plan

  variables {
    pools = {
      general    = { cpus = 4, ram_mb = 8192, min = 1, max = 6 }
      restricted = { cpus = 4, ram_mb = 8192, min = 1, max = 2, restricted = true, preemptible = true }
    }
  }

  expect_failures = [var.pools]
}
