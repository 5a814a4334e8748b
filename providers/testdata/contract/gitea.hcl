# Without a rotation: the operation that sets a user's password, PATCH
# /admin/users/{username}, is not in the excerpt of the document, so the case cannot
# hold it. TestGitea of test/acceptance replaces the password at a real Gitea.
contract "tokens of another user" {
  document   = "gitea.json"
  secret     = "sha1"
  lacks      = ["last_used_at"] # the document is of 1.24
  connection = { username = "root", password = "contract-password" }
  role       = { username = "bot", scopes = ["read:repository", "write:issue"] }
}
