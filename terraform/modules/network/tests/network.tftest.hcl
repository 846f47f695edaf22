mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

mock_provider "openstack" {
  source          = "../../mocks/openstack"
  override_during = plan
}

variables {
  name       = "lyceum-test"
  project_id = "project-1"
  region     = "ru-7"
}

run "stores_are_open_for_the_nodes_only" {
  command = plan

  assert {
    condition     = alltrue([for rule in openstack_networking_secgroup_rule_v2.stores : rule.remote_ip_prefix == "10.20.0.0/20"])
    error_message = "A store would be open for somebody else."
  }

  assert {
    condition     = { for kind, rule in openstack_networking_secgroup_rule_v2.stores : kind => rule.port_range_max } == { postgresql = 5432, redis = 6380 }
    error_message = "A store would be open on another port."
  }

  assert {
    condition     = output.door_address == "203.0.113.10"
    error_message = "The door has no address."
  }
}

run "a_range_that_is_none_is_refused" {
  command = plan

  variables {
    nodes_cidr = "10.20.0.0"
  }

  expect_failures = [var.nodes_cidr]
}
