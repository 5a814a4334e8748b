contract "keys of a project" {
  document   = "deepgram.json"
  secret     = "key"
  connection = { api_key = "contract-admin-key" }
  role       = { project_id = "123e4567-e89b-42d3-a456-426614174000" }
}
