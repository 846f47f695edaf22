mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  project_id = "project-1"
  prefix     = "lyceum-test"
  secrets    = { database = "{}" }
}

run "keys_carry_the_environment" {
  command = plan

  assert {
    condition     = output.keys == { database = "lyceum-test-database" }
    error_message = "Two environments of one project must not meet."
  }
}

run "what_is_too_long_is_refused" {
  command = plan

  variables {
    secrets = { database = join("", [for i in range(1000) : format("%070d", i)]) }
  }

  expect_failures = [var.secrets]
}
