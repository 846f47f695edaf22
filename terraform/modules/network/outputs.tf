output "network_id" {
  description = "The private network."
  value       = openstack_networking_network_v2.this.id
}

output "nodes_subnet_id" {
  description = "Subnet of the cluster's nodes. Known once the router leads out of it: nodes must reach the registry from their first minute."
  value       = openstack_networking_subnet_v2.nodes.id
  depends_on  = [openstack_networking_router_interface_v2.this]
}

output "data_subnet_id" {
  description = "Subnet of the managed stores."
  value       = openstack_networking_subnet_v2.data.id
  depends_on  = [openstack_networking_router_interface_v2.this]
}

output "data_cidr" {
  description = "Range of the managed stores, for the chart's egress rules."
  value       = var.data_cidr
}

output "security_group_ids" {
  description = "Security groups of the stores, by kind: postgresql, redis."
  value       = { for kind, group in openstack_networking_secgroup_v2.stores : kind => group.id }
}

output "door_address" {
  description = "Public IPv4 address of the school."
  value       = selectel_vpc_floatingip_v2.door.floating_ip_address
}
