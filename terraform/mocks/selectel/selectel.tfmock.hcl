# What the provider would tell of things that it made, for `terraform test`.

mock_data "selectel_mks_kube_versions_v1" {
  defaults = {
    default_version = "1.34.1"
    latest_version  = "1.34.1"
    versions        = ["1.32.9", "1.33.5", "1.34.1"]
  }
}

mock_data "selectel_dbaas_datastore_type_v1" {
  defaults = {
    datastore_types = [{ id = "6d2f8b3e-0000-4000-8000-000000000001", engine = "mocked", version = "1" }]
  }
}

mock_data "selectel_dbaas_flavor_v1" {
  defaults = {
    flavors = [{
      id                 = "6d2f8b3e-0000-4000-8000-000000000002"
      name               = "mocked"
      description        = ""
      fl_size            = "standard"
      vcpus              = 2
      ram                = 4096
      disk               = 32
      datastore_type_ids = ["6d2f8b3e-0000-4000-8000-000000000001"]
    }]
  }
}

mock_data "selectel_dbaas_available_extension_v1" {
  defaults = {
    available_extensions = [{
      id                 = "6d2f8b3e-0000-4000-8000-000000000003"
      name               = "mocked"
      datastore_type_ids = []
      dependency_ids     = []
    }]
  }
}

mock_resource "selectel_vpc_floatingip_v2" {
  defaults = { floating_ip_address = "203.0.113.10" }
}

mock_resource "selectel_mks_cluster_v1" {
  defaults = { id = "cluster-1", kube_api_ip = "10.20.0.5" }
}

mock_resource "selectel_dbaas_postgresql_datastore_v1" {
  defaults = {
    id          = "postgresql-1"
    connections = { master = "master.postgresql-1.c.dbaas.selcloud.ru" }
  }
}

mock_resource "selectel_dbaas_redis_datastore_v1" {
  defaults = {
    id          = "redis-1"
    connections = { master = "master.redis-1.c.dbaas.selcloud.ru" }
  }
}

mock_resource "selectel_dbaas_user_v1" {
  defaults = { id = "user-1" }
}

mock_resource "selectel_dbaas_prometheus_metric_token_v1" {
  defaults = { value = "metric-token" }
}

mock_resource "selectel_craas_registry_v1" {
  defaults = { id = "registry-1", endpoint = "https://cr.selcloud.ru/lyceum" }
}

mock_resource "selectel_craas_token_v2" {
  defaults = { username = "token", token = "registry-password" }
}

mock_resource "selectel_iam_serviceuser_v1" {
  defaults = { id = "serviceuser-1" }
}

mock_resource "selectel_iam_s3_credentials_v1" {
  defaults = { access_key = "s3-access", secret_key = "s3-secret" }
}

mock_resource "selectel_domains_zone_v2" {
  defaults = { id = "zone-1" }
}
