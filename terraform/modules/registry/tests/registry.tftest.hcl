mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  name       = "lyceum"
  project_id = "project-1"
}

run "the_cluster_reads_and_ci_writes" {
  command = plan

  assert {
    condition     = !selectel_craas_token_v2.this["pull"].mode_rw && selectel_craas_token_v2.this["push"].mode_rw
    error_message = "Only CI may write."
  }

  assert {
    condition     = output.address == "cr.selcloud.ru/lyceum"
    error_message = "Image references carry no scheme."
  }

  assert {
    condition     = jsondecode(output.pull_docker_config).auths["cr.selcloud.ru"].auth == base64encode("token:registry-password")
    error_message = "The .dockerconfigjson must name the registry's host."
  }
}

run "a_name_that_the_registry_does_not_take_is_refused" {
  command = plan

  variables {
    name = "Lyceum"
  }

  expect_failures = [var.name]
}
