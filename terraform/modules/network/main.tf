data "openstack_networking_network_v2" "external" {
  name     = var.external_network
  external = true
}

resource "openstack_networking_network_v2" "this" {
  name           = var.name
  admin_state_up = true
}

resource "openstack_networking_subnet_v2" "nodes" {
  name            = "${var.name}-nodes"
  network_id      = openstack_networking_network_v2.this.id
  cidr            = var.nodes_cidr
  ip_version      = 4
  dns_nameservers = var.dns_nameservers
}

# Stores have a range of their own, so that a rule can name it.
resource "openstack_networking_subnet_v2" "data" {
  name            = "${var.name}-data"
  network_id      = openstack_networking_network_v2.this.id
  cidr            = var.data_cidr
  ip_version      = 4
  dns_nameservers = var.dns_nameservers
}

resource "openstack_networking_router_v2" "this" {
  name                = var.name
  admin_state_up      = true
  external_network_id = data.openstack_networking_network_v2.external.id
}

resource "openstack_networking_router_interface_v2" "this" {
  for_each = {
    nodes = openstack_networking_subnet_v2.nodes.id
    data  = openstack_networking_subnet_v2.data.id
  }

  router_id = openstack_networking_router_v2.this.id
  subnet_id = each.value
}

# Which stores the nodes may reach. Which pod may is the chart's business (NetworkPolicy), for all pods of a node share its address.
resource "openstack_networking_secgroup_v2" "stores" {
  for_each = local.stores

  name        = "${var.name}-${each.key}"
  description = "From the nodes of ${var.name} only."
}

locals {
  # 5432 leads to the server, 5433 to its pooler, which the services do not use (see modules/postgresql). At 6379 Redis would speak in
  # the clear.
  stores = {
    postgresql = 5432
    redis      = 6380
  }
}

resource "openstack_networking_secgroup_rule_v2" "stores" {
  for_each = local.stores

  security_group_id = openstack_networking_secgroup_v2.stores[each.key].id
  description       = "${each.key} from the nodes"
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = each.value
  port_range_max    = each.value
  remote_ip_prefix  = var.nodes_cidr
}

# Replication and fail-over between the members of one datastore.
resource "openstack_networking_secgroup_rule_v2" "members" {
  for_each = local.stores

  security_group_id = openstack_networking_secgroup_v2.stores[each.key].id
  description       = "members of ${each.key} among themselves"
  direction         = "ingress"
  ethertype         = "IPv4"
  remote_group_id   = openstack_networking_secgroup_v2.stores[each.key].id
}

# The address of the school's door. It outlives the load balancer, so that DNS need not change with it.
resource "selectel_vpc_floatingip_v2" "door" {
  project_id = var.project_id
  region     = var.region

  lifecycle {
    # Public DNS names point at it.
    prevent_destroy = true
  }
}
