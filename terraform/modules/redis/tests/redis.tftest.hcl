mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  name       = "lyceum-test"
  project_id = "project-1"
  region     = "ru-7"
  subnet_id  = "subnet-1"
  flavor     = { vcpus = 2, ram = 4096, disk = 32 }
  password   = "redis-password-of-24-letters"
}

run "the_cache_gives_way_first" {
  command = plan

  assert {
    condition     = selectel_dbaas_redis_datastore_v1.this.config["maxmemory-policy"] == "volatile-ttl"
    error_message = "Ended sessions must not be forgotten before the cache is."
  }

  assert {
    condition     = output.host == "master.redis-1.c.dbaas.selcloud.ru"
    error_message = "The name that follows the primary."
  }
}

run "a_password_that_breaks_its_url_is_refused" {
  command = plan

  variables {
    password = "redis/password:of@24-letters"
  }

  expect_failures = [var.password]
}

run "a_size_that_is_not_offered_is_told" {
  command = plan

  override_data {
    target = data.selectel_dbaas_flavor_v1.this
    values = { flavors = [] }
  }

  expect_failures = [data.selectel_dbaas_flavor_v1.this]
}
