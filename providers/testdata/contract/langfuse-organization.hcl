contract "keys of an organization" {
  document   = "langfuse-admin.json"
  secret     = "secretKey"
  connection = { admin_api_key = "contract-admin-key" }
  role       = { organization_id = "cm0-contract" }

  beyond = {
    # Of the other document, langfuse.json.
    "GET /api/public/organizations/projects" = "langfuse/langfuse:web/public/generated/api/openapi.yml"
  }
}
