mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

mock_provider "openstack" {
  source          = "../../mocks/openstack"
  override_during = plan
}

variables {
  account_id = "123456"
  username   = "terraform"
  password   = "terraform-password"
  project_id = "project-1"
  stores_ca  = "-----BEGIN CERTIFICATE-----\nof the stores\n-----END CERTIFICATE-----\n"

  backup_recipients = ["age1officers"]

  zone_id  = "zone-1"
  registry = { address = "cr.selcloud.ru/lyceum", pull_docker_config = "{}" }

  secrets = {
    databases = { for service in ["users", "courses", "payments", "notifications", "documents", "analytics"] : service => "${service}-password-of-24-letters" }
    redis     = "redis-password-of-24-letters"
    rabbitmq  = "rabbitmq-password-of-24-letters"
    s3        = { for user in ["documents", "backup", "copier", "logs"] : user => "${user}-password" }
  }
}

# run.py takes the values out of this run and gives them to the chart.
run "values" {
  command = plan

  assert {
    condition     = yamldecode(output.chart_values).global.publicUrl == "https://api.staging.school.example"
    error_message = "Where the school answers."
  }

  assert {
    condition     = output.load_balancer.loadBalancerIP == "203.0.113.10"
    error_message = "The reserved address is the door's."
  }
}
