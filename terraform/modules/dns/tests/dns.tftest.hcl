mock_provider "selectel" {
  source          = "../../mocks/selectel"
  override_during = plan
}

variables {
  project_id = "project-1"
  zone       = "school.example"
  addresses  = { api = "203.0.113.10" }
}

run "names_end_with_a_dot" {
  command = plan

  assert {
    condition     = output.names == { "A api" = "api.school.example.", "CAA" = "school.example." }
    error_message = "The provider wants whole names."
  }
}

run "texts_are_quoted_and_long_keys_split" {
  command = plan

  variables {
    mail = {
      spf     = "v=spf1 include:mail.example -all"
      dkim    = { s1 = join("", [for i in range(50) : "0123456789"]) }
      reports = "dmarc@school.example"
    }
  }

  assert {
    condition     = one(selectel_domains_rrset_v2.this["TXT SPF"].records).content == "\"v=spf1 include:mail.example -all\""
    error_message = "A text stands in quotes of its own."
  }

  assert {
    condition     = [for piece in split(" ", one(selectel_domains_rrset_v2.this["TXT DKIM s1"].records).content) : length(piece)] == [257, 247]
    error_message = "No piece of a text is longer than 255 characters."
  }

  assert {
    condition     = selectel_domains_rrset_v2.this["TXT DKIM s1"].name == "s1._domainkey.school.example."
    error_message = "Where DKIM keys are looked for."
  }
}

run "a_zone_of_another_environment_is_used" {
  command = plan

  variables {
    create_zone = false
    zone_id     = "zone-0"
  }

  assert {
    condition     = length(selectel_domains_zone_v2.this) == 0 && alltrue([for record in selectel_domains_rrset_v2.this : record.zone_id == "zone-0"])
    error_message = "Nothing is made twice."
  }
}

run "no_zone_at_all_is_refused" {
  command = plan

  variables {
    create_zone = false
  }

  expect_failures = [var.zone_id]
}
