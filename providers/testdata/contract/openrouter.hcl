contract "keys of the default workspace" {
  document   = "openrouter.json"
  secret     = "key"
  connection = { management_key = "sk-or-v1-contract" }
}

contract "limited keys of a workspace" {
  document   = "openrouter.json"
  secret     = "key"
  connection = { management_key = "sk-or-v1-contract" }
  role = {
    limit                 = 12.5
    limit_reset           = "monthly"
    include_byok_in_limit = true
    workspace_id          = "0df9e665-d932-5740-b2c7-b52af166bc11"
  }
}
