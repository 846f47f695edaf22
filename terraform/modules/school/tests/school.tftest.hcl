mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

mock_provider "openstack" {
  source          = "../../mocks/openstack"
  override_during = plan
}

variables {
  name          = "lyceum-test"
  project_id    = "project-1"
  region        = "ru-7"
  copy_region   = "ru-3"
  zones         = ["ru-7a", "ru-7b", "ru-7c"]
  domain        = "school.example"
  school_name   = "Lyceum"
  kube_version  = "1.34.1"
  bucket_prefix = "school"
  registry_name = "lyceum"
  stores_ca     = "-----BEGIN CERTIFICATE-----\nof the stores\n-----END CERTIFICATE-----\n"

  backup_recipients = ["age1officers"]

  pools = {
    general    = { cpus = 4, ram_mb = 8192, min = 1, max = 6 }
    restricted = { cpus = 4, ram_mb = 8192, min = 1, max = 4, restricted = true }
  }

  postgresql = {
    restricted = { services = ["users", "payments", "notifications", "documents"], flavor = { vcpus = 2, ram = 4096, disk = 32 } }
    main       = { services = ["courses", "analytics"], flavor = { vcpus = 2, ram = 4096, disk = 32 } }
  }

  redis = { flavor = { vcpus = 2, ram = 4096, disk = 32 } }

  secrets = {
    databases = { for service in ["users", "courses", "payments", "notifications", "documents", "analytics"] : service => "${service}-password-of-24-letters" }
    redis     = "redis-password-of-24-letters"
    rabbitmq  = "rabbitmq-password-of-24-letters"
    s3        = { for user in ["documents", "backup", "copier", "logs"] : user => "${user}-password" }
  }
}

run "services_find_their_own_server" {
  command = plan

  override_resource {
    target          = module.postgresql["restricted"].selectel_dbaas_postgresql_datastore_v1.this
    override_during = plan
    values          = { id = "postgresql-2", connections = { master = "restricted.example" } }
  }

  override_resource {
    target          = module.postgresql["main"].selectel_dbaas_postgresql_datastore_v1.this
    override_during = plan
    values          = { id = "postgresql-1", connections = { master = "main.example" } }
  }

  assert {
    condition = {
      for service in ["users", "courses", "payments", "notifications", "documents", "analytics"] :
      service => yamldecode(output.chart_values)[service].database.host
      } == {
      users = "restricted.example", payments = "restricted.example", notifications = "restricted.example", documents = "restricted.example", courses = "main.example", analytics = "main.example"
    }
    error_message = "Personal data and money stand on a server of their own."
  }
}

run "personal_data_and_money_stand_on_nodes_of_their_own" {
  command = plan

  assert {
    condition = alltrue([
      for service in ["users", "payments", "documents", "notifications"] :
      yamldecode(output.chart_values)[service].nodeSelector == { "lyceum/pool" = "restricted" } && length(yamldecode(output.chart_values)[service].tolerations) == 1
    ])
    error_message = "They hold names, addresses, papers or money."
  }

  assert {
    condition = alltrue([
      for service in ["gateway", "courses", "analytics"] :
      yamldecode(output.chart_values)[service].nodeSelector == { "lyceum/pool" = "general" } && length(yamldecode(output.chart_values)[service].tolerations) == 0
    ])
    error_message = "Everything else stays away from there."
  }
}

run "values_name_secrets_and_hold_none" {
  command = plan

  assert {
    condition     = alltrue([for secret in ["password-of-24", "s3-secret", "registry-password"] : !strcontains(output.chart_values, secret)])
    error_message = "Values are read by many."
  }

  assert {
    condition     = toset([for text in split("\n---\n", output.kubernetes_secrets) : yamldecode(text).metadata.name]) == toset(["lyceum-backup", "lyceum-database", "lyceum-rabbitmq", "lyceum-redis", "lyceum-s3", "lyceum-stores-ca", "lyceum-registry"])
    error_message = "Every Secret that the values name must be made."
  }

  assert {
    condition = {
      for text in split("\n---\n", output.kubernetes_secrets) : yamldecode(text).metadata.name => yamldecode(text).stringData.url
      if can(yamldecode(text).stringData.url)
      } == {
      lyceum-redis    = "rediss://:redis-password-of-24-letters@master.redis-1.c.dbaas.selcloud.ru:6380/0"
      lyceum-rabbitmq = "amqps://lyceum:rabbitmq-password-of-24-letters@lyceum-rabbitmq:5671/%2f"
    }
    error_message = "Stores are reached by TLS, and Redis by the name that follows the primary."
  }
}

run "the_cdn_comes_with_its_code_word" {
  command = plan

  variables {
    cdn_url = "https://cdn.school.example"
    secrets = {
      databases = { for service in ["users", "courses", "payments", "notifications", "documents", "analytics"] : service => "${service}-password-of-24-letters" }
      redis     = "redis-password-of-24-letters"
      rabbitmq  = "rabbitmq-password-of-24-letters"
      rabbitmq  = "rabbitmq-password-of-24-letters"
      s3        = { for user in ["documents", "backup", "copier", "logs"] : user => "${user}-password" }
      cdn       = "codeword42"
    }
  }

  assert {
    condition     = yamldecode(output.chart_values).documents.config.CDN_SCHEME == "code-word" && yamldecode(output.chart_values).documents.secrets.CDN_SECRET.secret == "lyceum-cdn"
    error_message = "Links are signed with the code word."
  }
}

run "a_cdn_without_its_code_word_is_refused" {
  command = plan

  variables {
    cdn_url = "https://cdn.school.example"
  }

  expect_failures = [var.cdn_url]
}

run "a_service_without_a_database_is_refused" {
  command = plan

  variables {
    postgresql = { main = { services = ["users", "payments"], flavor = { vcpus = 2, ram = 4096, disk = 32 } } }
  }

  expect_failures = [var.postgresql]
}

run "a_copy_beside_the_original_is_refused" {
  command = plan

  variables {
    copy_region = "ru-7"
  }

  expect_failures = [var.copy_region]
}

run "a_pool_that_is_not_there_is_refused" {
  command = plan

  variables {
    placement = { for service in ["users", "payments", "notifications", "documents"] : service => "vault" }
  }

  expect_failures = [var.pools]
}

run "nobody_plays_a_store" {
  command = plan

  assert {
    condition = alltrue([
      yamldecode(output.chart_values).global.database.sslmode == "verify-full",
      yamldecode(output.chart_values).global.database.ca.existingSecret == "lyceum-stores-ca",
      yamldecode(output.chart_values).global.redis.ca.existingSecret == "lyceum-stores-ca",
      yamldecode(output.chart_values).global.amqp.ca.existingSecret == "lyceum-rabbitmq-tls",
      yamldecode(output.chart_values).global.tls.enabled,
    ])
    error_message = "Who is called shows who it is."
  }
}

run "the_broker_is_reached_by_its_pods_labels" {
  command = plan

  assert {
    condition     = yamldecode(output.chart_values).networkPolicy.amqp.to == [{ podSelector = { matchLabels = { "app.kubernetes.io/name" = "lyceum-rabbitmq" } } }]
    error_message = "Cilium's CIDRs do not match pods: nobody would reach RabbitMQ."
  }
}

run "backups_are_on_and_go_elsewhere" {
  command = plan

  assert {
    condition     = yamldecode(output.chart_values).backup.enabled && yamldecode(output.chart_values).backup.s3.region == "ru-3"
    error_message = "Backups go to another region from the first day."
  }
}

run "people_beside_reports_are_refused" {
  command = plan

  variables {
    postgresql = {
      people = { services = ["users", "payments", "notifications", "documents", "courses"], flavor = { vcpus = 2, ram = 4096, disk = 32 } }
      main   = { services = ["analytics"], flavor = { vcpus = 2, ram = 4096, disk = 32 } }
    }
  }

  expect_failures = [var.postgresql]
}

run "a_school_without_backups_is_refused" {
  command = plan

  variables {
    backup_recipients = []
  }

  expect_failures = [var.backup_recipients]
}

run "an_authority_that_is_none_is_refused" {
  command = plan

  variables {
    stores_ca = "/etc/ssl/CA.pem"
  }

  expect_failures = [var.stores_ca]
}
