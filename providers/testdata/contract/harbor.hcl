contract "robots that pull from a project" {
  document   = "harbor.json"
  secret     = "secret"
  base_path  = "/api/v2.0"
  connection = { username = "admin", password = "contract-password" }
  role = {
    permissions = [{
      kind      = "project"
      namespace = "library"
      access    = [{ resource = "repository", action = "pull" }]
    }]
  }
}
