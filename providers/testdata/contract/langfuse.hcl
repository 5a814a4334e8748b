contract "keys of a project" {
  document   = "langfuse.json"
  secret     = "secretKey"
  connection = { public_key = "pk-lf-contract", secret_key = "sk-lf-contract" }
  role       = { project_id = "cm0-contract" }
}
