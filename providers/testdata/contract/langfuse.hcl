contract "keys of a project" {
  document   = "langfuse.json"
  secret     = "secretKey"
  connection = { base_url = "https://cloud.langfuse.com", public_key = "pk-lf-contract", secret_key = "sk-lf-contract" }
  role       = { project_id = "cm0-contract" }
}
