resource "selectel_domains_zone_v2" "this" {
  count = var.create_zone ? 1 : 0

  name       = "${var.zone}."
  project_id = var.project_id

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  zone_id = var.create_zone ? selectel_domains_zone_v2.this[0].id : var.zone_id

  addresses = {
    for name, address in var.addresses : "A ${name}" => { name = name, type = "A", contents = [address] }
  }

  aliases = {
    for name, target in var.aliases : "CNAME ${name}" => {
      name = name, type = "CNAME", contents = ["${trimsuffix(target, ".")}."]
    }
  }

  authorities = length(var.certificate_authorities) == 0 ? {} : {
    "CAA" = {
      name     = ""
      type     = "CAA"
      contents = [for authority in sort(var.certificate_authorities) : "0 issue \"${authority}\""]
    }
  }

  # A text stands in quotes of its own; one piece of it has at most 255 characters, and keys are longer.
  mail = var.mail == null ? {} : merge(
    {
      "TXT SPF"   = { name = "", type = "TXT", texts = [var.mail.spf] }
      "TXT DMARC" = { name = "_dmarc", type = "TXT", texts = ["v=DMARC1; p=${var.mail.policy}; rua=mailto:${var.mail.reports}"] }
    },
    { for selector, key in var.mail.dkim : "TXT DKIM ${selector}" => { name = "${selector}._domainkey", type = "TXT", texts = [key] } },
  )

  texts = {
    for key, record in local.mail : key => {
      name = record.name
      type = record.type
      contents = [
        for text in record.texts :
        join(" ", [for piece in regexall(".{1,255}", text) : "\"${piece}\""])
      ]
    }
  }

  records = merge(local.addresses, local.aliases, local.authorities, local.texts)
}

resource "selectel_domains_rrset_v2" "this" {
  for_each = local.records

  project_id = var.project_id
  zone_id    = local.zone_id
  name       = each.value.name == "" ? "${var.zone}." : "${each.value.name}.${var.zone}."
  type       = each.value.type
  ttl        = var.ttl

  dynamic "records" {
    for_each = each.value.contents

    content {
      content = records.value
    }
  }
}
