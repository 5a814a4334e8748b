contract "robots that pull from a project" {
  document   = "harbor.json"
  secret     = "secret"
  connection = { base_url = "https://harbor.example/api/v2.0", username = "admin", password = "contract-password" }
  role = {
    permissions = [{
      kind      = "project"
      namespace = "library"
      access    = [{ resource = "repository", action = "pull" }]
    }]
  }
}
