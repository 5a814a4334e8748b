# The documents that contract cases and exchanges name: whose they are, and of which day.

document "algolia.json" {
  source = "algolia/api-clients-automation:specs/bundled/search.yml @ d30a53d83efc"
  day    = "2026-08-21"
}

document "argocd.json" {
  source = "argoproj/argo-cd:assets/swagger.json @ 37ee0097cf85"
  day    = "2026-08-22"
}

document "axiom.json" {
  source = "axiomhq/docs:content/docs/(api-reference)/restapi/versions/v2.json @ fbd61330c835"
  day    = "2026-08-21"
}

document "cloudflare.json" {
  source = "cloudflare/api-schemas:openapi.json @ cca3064f1aba"
  day    = "2024-08-06"
}

document "confluent-apikeys.json" {
  source = "confluentinc/ccloud-sdk-go-v2:apikeys/v2/api/openapi.yaml @ b5d63ec49044"
  day    = "2026-08-06"
}

document "datadog-v2.json" {
  source = "DataDog/datadog-api-client-go:.generator/schemas/v2/openapi.yaml @ 951db7a69ea0"
  day    = "2026-04-14"
}

document "deepgram.json" {
  source = "deepgram/deepgram-api-specs:openapi.yml @ 4ba987cf0522"
  day    = "2026-07-22"
}

document "digitalocean.json" {
  source = "digitalocean/openapi:specification/DigitalOcean-public.v2.yaml @ 7c1300c479fe"
  day    = "2026-08-07"
}

document "dockerhub.json" {
  source = "docker/docs:content/reference/api/hub/latest.yaml @ 47d9f767f832"
  day    = "2026-06-11"
}

document "elasticsearch.json" {
  source = "elastic/elasticsearch-specification:output/openapi/elasticsearch-openapi.json @ 6b832057e094"
  day    = "2026-04-27"
}

document "gitea.json" {
  source = "go-gitea/gitea:templates/swagger/v1_json.tmpl @ ba921fd903a7"
  day    = "2025-04-03"
}

document "github-app.json" {
  source = "octokit/openapi:generated/api.github.com.json @ 58592853068e"
  day    = "2022-07-18"
}

document "google-apikeys.json" {
  source = "googleapis/google-api-go-client:apikeys/v2/apikeys-api.json @ 0dc9fc6bbed2"
  day    = "2022-05-30" # its revision
}

document "grafana-cloud.json" {
  source = "grafana/grafana-com-public-clients:openapi.json @ a8ec92bbcc42"
  day    = "2026-07-22"
}

document "harbor.json" {
  source = "goharbor/harbor:api/v2.0/swagger.yaml @ c50c7ddd6ea4"
  day    = "2026-08-21"
}

document "influxdb.json" {
  source = "influxdata/openapi:contracts/oss.json @ ad26a1780930"
  day    = "2024-05-17"
}

document "konnect.json" {
  source = "Kong/sdk-konnect-go:openapi.yaml @ 8276818597fa"
  day    = "2026-08-21"
}

document "kucoin.json" {
  source = "Kucoin/kucoin-universal-sdk:spec/rest/entry/openapi-account.json @ 78c90c77d749"
  day    = "2025-11-04"
}

document "langfuse-admin.json" {
  source = "langfuse/langfuse:web/public/generated/organizations-api/openapi.yml @ 62751446149b"
  day    = "2026-08-22"
}

document "langfuse.json" {
  source = "langfuse/langfuse:web/public/generated/api/openapi.yml @ 62751446149b"
  day    = "2026-08-22"
}

document "linode.json" {
  source = "linode/linode-api-docs:openapi.yaml @ 40e7c7d22441"
  day    = "2024-10-21"
}

document "mailgun.json" {
  source = "mailgun/mailgun-mcp-server:src/openapi.yaml @ 78d610f7265b"
  day    = "2026-07-09"
}

document "meilisearch.json" {
  source = "meilisearch/open-api:open-api.json @ 0b0b0fdbb9d5"
  day    = "2025-06-16"
}

document "netbox.json" {
  source = "netbox-community/go-netbox:api/openapi.yaml @ c020e4607ed6"
  day    = "2025-02-03"
}

document "ngrok.json" {
  source = "ngrok/ngrok-openapi:ngrok.yaml @ 0719fb23291a"
  day    = "2025-08-15"
}

document "openai.json" {
  source = "openai/openai-openapi:openapi.json @ f85dbe223d40"
  day    = "2026-08-21"
}

document "openrouter.json" {
  source = "OpenRouterTeam/typescript-sdk:.speakeasy/in.openapi.yaml @ cb9393a89601"
  day    = "2026-08-22"
}

document "planetscale.json" {
  source = "planetscale/terraform-provider-planetscale:schemas/openapi.yaml @ fed5e89f74b0"
  day    = "2026-08-18"
}

document "portkey.json" {
  source = "Portkey-AI/openapi:openapi.yaml @ a2191f44eb85"
  day    = "2026-06-12"
}

document "pulumi-cloud.json" {
  source = "pulumi/pulumi-pulumiservice:provider/pkg/cloud/spec.json @ dc76a0186fd9"
  day    = "2026-08-21"
}

document "qdrant-cloud.json" {
  source = "qdrant/qdrant-cloud-public-api:gen/openapiv2/qdrant/cloud/cluster/auth/v2/database_api_key.swagger.json @ ff1c923e8501"
  day    = "2026-08-20"
}

document "sendgrid.json" {
  source = "twilio/sendgrid-oai:spec/json/tsg_api_keys_v3.json @ dbe0e0d2e67a"
  day    = "2026-01-22"
}

document "terraform-cloud.json" {
  source = "hashicorp/go-tfe:v2/openapi/spec.json @ 0fa6b0997dd8"
  day    = "2026-08-04"
}

document "twilio-accounts-v1.json" {
  source = "twilio/twilio-oai:spec/json/twilio_accounts_v1.json @ d50069b44ea8"
  day    = "2026-04-14"
}

document "twilio-api-v2010.json" {
  source = "twilio/twilio-oai:spec/json/twilio_api_v2010.json @ d50069b44ea8"
  day    = "2026-04-14"
}

document "twilio-iam-v1.json" {
  source = "twilio/twilio-oai:spec/json/twilio_iam_v1.json @ d50069b44ea8"
  day    = "2026-04-14"
}

document "unleash.json" {
  source = "Unleash/unleash-server-api-go:openapi.json @ eae2272af2cd"
  day    = "2026-03-06"
}

document "vault-token.json" {
  source = "hashicorp/vault-client-go:openapi.json @ a0f17ccb9250"
  day    = "2026-04-14"
}

document "weaviate.json" {
  source = "weaviate/weaviate:openapi-specs/schema.json @ adcffc5432aa"
  day    = "2026-08-20"
}
