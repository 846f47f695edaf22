mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  name       = "lyceum-test"
  project_id = "project-1"
  region     = "ru-7"
}

run "no_address_no_job" {
  command = plan

  assert {
    condition     = output.scrape_configs == null
    error_message = "A job without an address would only raise alerts."
  }
}

run "the_job_carries_the_token" {
  command = plan

  variables {
    metrics_endpoint = "https://metrics.example/v1/all"
  }

  assert {
    condition = (
      yamldecode(output.scrape_configs)[0].authorization.credentials == "metric-token"
      && yamldecode(output.scrape_configs)[0].static_configs[0].targets == ["metrics.example"]
      && yamldecode(output.scrape_configs)[0].metrics_path == "/v1/all"
    )
    error_message = "Host, path and token must reach Prometheus."
  }
}
