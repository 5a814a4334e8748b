# Category: Code and delivery
#
# Sources: https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/;
# https://next.sonarqube.com/sonarqube/web_api/api/user_tokens;
# SonarSource/sonarqube:server/sonar-webserver-webapi/src/main/java/org/sonar/server/usertoken/ws
#
# Tokens of the user whose token the connection holds. A role that says nothing gets
# tokens that analyse one project. They end on a day of the calendar. The admin token is
# a user token of a user with the permission "Execute analysis"; with "login" it has to
# be an administrator's ("Administer System"), who may make user tokens for others, and no
# tokens that analyse. A token does not know its own name, by which alone it is revoked, so
# it is not replaced here. When a token was last used is kept once an hour.
#
# Rights: SonarSource/sonarqube: GenerateAction.java, GenerateActionValidation.java and
# UserTokenSupport.java in the folder above
provider "sonarqube" {
  title = "SonarQube"
  docs  = "https://docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens/"
  lag   = "10s"

  connection {
    token = { required = true, sensitive = true, help = "User token of the user that the tokens belong to, or of an administrator." }
  }

  role {
    type = {
      default = "PROJECT_ANALYSIS_TOKEN"
      enum    = ["PROJECT_ANALYSIS_TOKEN", "GLOBAL_ANALYSIS_TOKEN", "USER_TOKEN"]
      help    = "What the tokens may do: analyse one project, analyse every project, or all that the user may."
    }
    project = { help = "Project that PROJECT_ANALYSIS_TOKEN tokens analyse." }
    login   = { help = "User that the tokens belong to, by an administrator's token and of the type USER_TOKEN; without it the token's own." }
  }
  validation {
    condition     = role.login == null || role.type == "USER_TOKEN"
    error_message = "SonarQube makes tokens that analyse for nobody but their maker: leave login out, or write type = USER_TOKEN"
  }
  validation {
    condition     = role.project != null || role.type != "PROJECT_ANALYSIS_TOKEN"
    error_message = "name the project that the tokens analyse"
  }

  auth "bearer" { token = connection.token }

  check {
    get = "/api/authentication/validate"
    ok  = body.valid
  }

  issue {
    post = "/api/user_tokens/generate"
    form = {
      name           = key.name
      type           = role.type
      projectKey     = role.type == "PROJECT_ANALYSIS_TOKEN" ? role.project : null
      login          = role.login
      expirationDate = formatdate("YYYY-MM-DD", key.expires_at)
    }
    id         = key.name
    secret     = { token = body.token }
    expires_at = body.expirationDate
    granted    = { type = body.type, project = body.projectKey }
  }

  # Revoking what is gone succeeds.
  revoke {
    post = "/api/user_tokens/revoke"
    form = { name = key.id, login = role.login }
  }

  # Not paged: the answer is all tokens of the user.
  list {
    get   = "/api/user_tokens/search"
    query = { login = role.login }
    items = body.userTokens
    item = {
      id           = item.name
      name         = item.name
      created_at   = item.createdAt
      last_used_at = try(item.lastConnectionDate, null)
    }
  }

  probe {
    get     = "/api/authentication/validate"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = status == 200 && body.valid
    dead    = status == 401 || body.valid == false
  }

  key_name { max_length = 100 }

  expiry { granularity = "24h" }

  errors { message = body.errors[0].msg }
}
