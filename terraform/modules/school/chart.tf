# What the chart is told of all this: plain values, and the Secrets that they name.

locals {
  registry = {
    address            = var.registry_name != null ? module.registry[var.registry_name].address : nonsensitive(var.registry.address)
    pull_docker_config = var.registry_name != null ? module.registry[var.registry_name].pull_docker_config : var.registry.pull_docker_config
  }

  # Where each service's database stands.
  server = merge([for name, server in var.postgresql : { for service in server.services : service => name }]...)

  media = module.object_storage.buckets["media"]

  configuration = {
    documents = merge(
      {
        S3_URL        = local.media.endpoint
        S3_REGION     = local.media.region
        S3_BUCKET     = local.media.name
        S3_ADDRESSING = "virtual"
      },
      var.cdn_url == null ? {} : { CDN_URL = var.cdn_url, CDN_SCHEME = "code-word" },
    )
  }

  chart_values = merge(
    {
      global = {
        publicUrl  = "https://api.${var.domain}"
        schoolName = var.school_name
        schoolZone = var.school_zone
        image = {
          registry    = split("/", local.registry.address)[0]
          prefix      = join("/", slice(split("/", local.registry.address), 1, length(split("/", local.registry.address))))
          pullSecrets = ["lyceum-registry"]
        }
        database = {
          # Every service names its own server below; this is for what the chart adds one day.
          host           = values(module.postgresql)[0].host
          port           = values(module.postgresql)[0].port
          sslmode        = "require"
          existingSecret = "lyceum-database"
        }
        redis = { existingSecret = "lyceum-redis" }
      }
    },
    {
      for service in local.services : service => merge(
        module.kubernetes.placement[lookup(var.placement, service, "general")],
        contains(keys(local.server), service) ? {
          database = {
            host = module.postgresql[local.server[service]].host
            port = module.postgresql[local.server[service]].port
            to   = [{ ipBlock = { cidr = module.network.data_cidr } }]
          }
        } : {},
        contains(keys(local.configuration), service) ? { config = local.configuration[service] } : {},
        service == "documents" && var.cdn_url != null ? { secrets = { CDN_SECRET = { secret = "lyceum-s3", key = "cdn-secret" } } } : {},
      )
    },
  )

  # Secrets of the release's namespace: name, then key, then value.
  kubernetes_secrets = {
    lyceum-database = { for service in local.keepers : service => var.secrets.databases[service] }
    lyceum-redis    = { url = "redis://:${var.secrets.redis}@${module.redis.host}:${module.redis.port}/0" }
    lyceum-s3 = merge(
      {
        access-key = module.object_storage.keys["documents"].access_key
        secret-key = module.object_storage.keys["documents"].secret_key
      },
      var.secrets.cdn == null ? {} : { cdn-secret = var.secrets.cdn },
    )
    lyceum-registry = { ".dockerconfigjson" = local.registry.pull_docker_config }
  }

  secret_manifests = [
    for name, values in local.kubernetes_secrets : yamlencode({
      apiVersion = "v1"
      kind       = "Secret"
      metadata   = { name = name, labels = { "app.kubernetes.io/managed-by" = "terraform", "app.kubernetes.io/part-of" = "lyceum" } }
      type       = contains(keys(values), ".dockerconfigjson") ? "kubernetes.io/dockerconfigjson" : "Opaque"
      stringData = values
    })
  ]
}
