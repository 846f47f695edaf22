mock_data "openstack_networking_network_v2" {
  defaults = { id = "external-1" }
}

mock_resource "openstack_networking_network_v2" {
  defaults = { id = "network-1" }
}

mock_resource "openstack_networking_subnet_v2" {
  defaults = { id = "subnet-1" }
}

mock_resource "openstack_networking_router_v2" {
  defaults = { id = "router-1" }
}

mock_resource "openstack_networking_secgroup_v2" {
  defaults = { id = "security-group-1" }
}
